/** Names as numpy writes them. */
export type NumberType =
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'float16'
  | 'float32'
  | 'float64'
  | 'bool';

/** Element type of a zarr array, the same for v2 and v3. */
export type DType =
  | { readonly kind: 'number'; readonly name: NumberType; readonly bytes: number; readonly bigEndian: boolean }
  /** Strings of any length: v2 `|O` with the vlen-utf8 filter, v3 `string`. */
  | { readonly kind: 'string'; readonly name: 'string' }
  /** numpy `S` (1 byte per character) and `U` (4 bytes per character), padded with zeros. */
  | {
      readonly kind: 'fixed-string';
      readonly name: string;
      readonly bytes: number;
      readonly characterBytes: 1 | 4;
      readonly bigEndian: boolean;
    }
  /** Known to exist, never needed: datetime, complex, structured... Refused when it is read. */
  | { readonly kind: 'unsupported'; readonly name: string };

const V2_NUMBERS: Readonly<Record<string, NumberType>> = {
  b1: 'bool',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
};

const BYTES: Readonly<Record<NumberType, number>> = {
  bool: 1,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  uint16: 2,
  uint32: 4,
  uint64: 8,
  float16: 2,
  float32: 4,
  float64: 8,
};

/** dtype of a v2 `.zarray`, e.g. "<f4", "|O", "<U12"; `filters` tell strings from other objects. */
export function parseV2DType(dtype: unknown, filters: readonly string[]): DType {
  if (typeof dtype !== 'string') return { kind: 'unsupported', name: `structured ${JSON.stringify(dtype)}` };
  const bigEndian = dtype.startsWith('>');
  const code = dtype.slice(1);
  const number = V2_NUMBERS[code];
  if (number) return { kind: 'number', name: number, bytes: BYTES[number], bigEndian };
  if (code === 'O' && filters.includes('vlen-utf8')) return { kind: 'string', name: 'string' };
  const fixed = /^([SU])([1-9]\d*)$/.exec(code);
  if (!fixed) return { kind: 'unsupported', name: dtype };
  const characterBytes = fixed[1] === 'U' ? 4 : 1;
  return { kind: 'fixed-string', name: dtype, bytes: Number(fixed[2]) * characterBytes, characterBytes, bigEndian };
}

/** data_type of a v3 `zarr.json`, e.g. "float32", "string", { name: "fixed_length_utf32", configuration: { length_bytes } }. */
export function parseV3DType(dataType: unknown, bigEndian: boolean): DType {
  if (typeof dataType === 'string') {
    if (dataType === 'string') return { kind: 'string', name: 'string' };
    if (Object.hasOwn(BYTES, dataType)) {
      const name = dataType as NumberType;
      return { kind: 'number', name, bytes: BYTES[name], bigEndian };
    }
    return { kind: 'unsupported', name: dataType };
  }
  const { name, configuration } = (dataType ?? {}) as { name?: unknown; configuration?: { length_bytes?: unknown } };
  const bytes = configuration?.length_bytes;
  if (typeof bytes === 'number' && bytes > 0) {
    if (name === 'fixed_length_utf32') return { kind: 'fixed-string', name, bytes, characterBytes: 4, bigEndian };
    if (name === 'null_terminated_bytes') return { kind: 'fixed-string', name, bytes, characterBytes: 1, bigEndian };
  }
  return { kind: 'unsupported', name: JSON.stringify(dataType) };
}
