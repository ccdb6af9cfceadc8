import { align, GrowingKernel } from './growing-kernel.js';
import { OWN_DATA_BYTES } from './kernel-memory.js';

interface Encoder {
  scratchBytes(): number;
  targetBytes(sourceBytes: number): number;
  encode(source: number, bytes: number, target: number, work: number): number;
  isFinite(): number;
}

export interface EncodedValues {
  /** One zstd frame, the caller's own. */
  readonly frame: Uint8Array;
  /** Whether none of the values is NaN or infinite. */
  readonly finite: boolean;
}

/** Where areas begin: above the module's own tables. */
const SOURCE = OWN_DATA_BYTES;

const kernel = new GrowingKernel<Encoder>('zstd-mostly-zeros');

/**
 * Encodes values that are mostly zeros, followed by zeros up to `bytes` bytes (a multiple of 4, at most 16 MiB or so),
 * as one zstd frame, many times faster than a general encoder. The same values give the same bytes on every machine.
 * One memory per thread serves all calls.
 */
export function encodeMostlyZeros(values: Float32Array, bytes: number): EncodedValues {
  const encoder = kernel.exports;
  const work = align(SOURCE + bytes);
  const target = align(work + encoder.scratchBytes());
  kernel.reserve(target + encoder.targetBytes(bytes));
  const source = new Float32Array(kernel.buffer, SOURCE, bytes / Float32Array.BYTES_PER_ELEMENT);
  source.set(values);
  source.fill(0, values.length);
  const size = encoder.encode(SOURCE, bytes, target, work);
  return { frame: new Uint8Array(kernel.buffer, target, size).slice(), finite: encoder.isFinite() !== 0 };
}
