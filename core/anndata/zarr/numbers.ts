import type { BlockValues } from '../types.js';
import type { DType, NumberType } from './dtype.js';

export type NumberDType = Extract<DType, { kind: 'number' }>;

/** A value that the delivered type cannot hold; the reader adds the array. */
export class Unrepresentable extends Error {}

type BlockConstructor = {
  new (length: number): BlockValues;
  new (buffer: ArrayBufferLike, offset: number, length: number): BlockValues;
};

/** In which typed array values of a type are delivered: 64-bit integers as float64, float16 as float32, bool as uint8. */
const DELIVERED: Readonly<Record<NumberType, BlockConstructor>> = {
  bool: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: Float64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: Float64Array,
  float16: Float32Array,
  float32: Float32Array,
  float64: Float64Array,
};

export function newValues(type: NumberType, length: number): BlockValues {
  return new DELIVERED[type](length);
}

/**
 * Elements [from, to) of a chunk's bytes as the values that are delivered: a view where the types agree, else converted.
 * Big-endian bytes are swapped in place. @throws Unrepresentable for 64-bit integers beyond 2^53
 */
export function valuesIn(bytes: Uint8Array, dtype: NumberDType, from: number, to: number): BlockValues {
  const part = aligned(bytes.subarray(from * dtype.bytes, to * dtype.bytes), dtype.bytes);
  if (dtype.bigEndian) swapBytes(part, dtype.bytes);
  const count = to - from;
  if (dtype.name === 'int64' || dtype.name === 'uint64') return doubles(part, count, dtype.name === 'int64');
  if (dtype.name === 'float16') return singles(part, count);
  return new DELIVERED[dtype.name](part.buffer, part.byteOffset, count);
}

function aligned(bytes: Uint8Array, elementBytes: number): Uint8Array {
  return bytes.byteOffset % elementBytes === 0 ? bytes : bytes.slice();
}

function swapBytes(bytes: Uint8Array, elementBytes: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (elementBytes === 2) buffer.swap16();
  else if (elementBytes === 4) buffer.swap32();
  else if (elementBytes === 8) buffer.swap64();
}

const EXACT_HIGH = 2 ** 21;

function doubles(bytes: Uint8Array, count: number, signed: boolean): Float64Array {
  const low = new Uint32Array(bytes.buffer, bytes.byteOffset, 2 * count);
  const high = signed ? new Int32Array(bytes.buffer, bytes.byteOffset, 2 * count) : low;
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const top = high[2 * i + 1]!;
    if (top >= EXACT_HIGH || top < -EXACT_HIGH) {
      throw new Unrepresentable(`value ${(BigInt(top) << 32n) | BigInt(low[2 * i]!)} is beyond 2^53`);
    }
    values[i] = top * 2 ** 32 + low[2 * i]!;
  }
  return values;
}

/** IEEE 754 binary16 to binary32, exact. */
function singles(bytes: Uint8Array, count: number): Float32Array {
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, count);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const half = halves[i]!;
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >>> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 31) values[i] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    else values[i] = sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
  }
  return values;
}

/** `fill_value` as a number: null and absent are 0, "NaN" and "Infinity" are spelled out, v3 may give the bits as "0x7fc00000". */
export function fillNumber(fillValue: unknown, dtype: NumberDType): number {
  if (fillValue === null) return 0;
  if (typeof fillValue === 'number' || typeof fillValue === 'boolean') return Number(fillValue);
  if (typeof fillValue === 'string' && /^0x[0-9a-f]+$/i.test(fillValue)) {
    const bits = Buffer.alloc(8);
    bits.writeBigUInt64LE(BigInt(fillValue));
    return valuesIn(new Uint8Array(bits), { ...dtype, bigEndian: false }, 0, 1)[0]!;
  }
  if (fillValue === 'NaN') return Number.NaN;
  if (fillValue === 'Infinity') return Number.POSITIVE_INFINITY;
  if (fillValue === '-Infinity') return Number.NEGATIVE_INFINITY;
  throw new Unrepresentable(`fill_value ${JSON.stringify(fillValue)} is not a number`);
}
