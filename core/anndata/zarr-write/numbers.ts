import type { NumericDtype } from './metadata.js';

const ARRAYS = {
  bool: Uint8Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/** Values as a typed array of a type: what readers deliver wider (64-bit integers, float16) becomes what it was. */
export function encodeNumbers(
  values: ArrayLike<number>,
  dtype: NumericDtype,
): ArrayBufferView & { readonly length: number } {
  if (dtype === 'int64') return BigInt64Array.from(values, BigInt);
  if (dtype === 'uint64') return BigUint64Array.from(values, BigInt);
  if (dtype === 'float16') return Uint16Array.from(values, halfBits);
  const Values = ARRAYS[dtype];
  return values instanceof Values ? values : Values.from(values);
}

/** The bits of a number that IEEE 754 binary16 holds exactly. */
function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size === Number.POSITIVE_INFINITY) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | (size * 2 ** 24);
  const exponent = Math.floor(Math.log2(size));
  return sign | ((exponent + 15) << 10) | (size * 2 ** (10 - exponent) - 1024);
}
