/** A numeric or boolean category or name as text, the way Python's str() writes it: 3 -> "3", 3.0 -> "3.0", true -> "True". */
export function categoryText(value: number, dtype: string): string {
  if (dtype === 'bool') return value ? 'True' : 'False';
  if (!dtype.startsWith('float')) return String(value);
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Number.isInteger(value) && Math.abs(value) < 1e16 ? `${value}.0` : String(value);
}
