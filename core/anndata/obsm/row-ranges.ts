/** Rows as ascending ranges [first, end) that do not touch. */
export type RowRanges = [first: number, end: number][];

export function isRowRanges(value: unknown): value is RowRanges {
  const isRange = (range: unknown) =>
    Array.isArray(range) && range.length === 2 && range.every(Number.isSafeInteger) && range[0] < range[1];
  return Array.isArray(value) && value.every(isRange);
}

/** Adds a row above all others. */
export function addRow(ranges: RowRanges, row: number): void {
  const last = ranges.at(-1);
  if (last?.[1] === row) last[1] = row + 1;
  else ranges.push([row, row + 1]);
}

export const countRows = (ranges: RowRanges): number => ranges.reduce((sum, [first, end]) => sum + end - first, 0);

/** The first row that only one of two sets has, or null where they are the same. */
export function firstDifference(a: RowRanges, b: RowRanges): number | null {
  const at = a.findIndex(([first, end], place) => first !== b[place]?.[0] || end !== b[place]?.[1]);
  const place = at < 0 ? a.length : at;
  const [one, other] = [a[place], b[place]];
  if (one === undefined || other === undefined) return (one ?? other)?.[0] ?? null;
  return one[0] === other[0] ? Math.min(one[1], other[1]) : Math.min(one[0], other[0]);
}
