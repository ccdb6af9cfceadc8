import { CorruptData } from './corrupt-data.js';
import { align, GrowingKernel } from './growing-kernel.js';

interface Exports {
  scratchBytes(): number;
  decode(source: number, sourceBytes: number, target: number, targetBytes: number, work: number): number;
}

/** What the kernel answers for frames that it leaves to others: with a checksum or dictionary, or more than one. */
const FOREIGN = 2;
const DECODED = 1;
/** Where the source begins: above the module's own tables, with room below, for words that begin before it. */
const SOURCE = 8192;
/** Copies run 16 bytes wide, so each area is followed by this many writable bytes. */
const SLACK = 64;

const kernel = new GrowingKernel<Exports>('unzstd');

/** Room for a frame of `bytes` bytes, to be filled before `decodeFrame`. Valid until the next call. */
export function frameSource(bytes: number): Uint8Array {
  kernel.reserve(SOURCE + bytes + SLACK);
  return new Uint8Array(kernel.buffer, SOURCE, bytes);
}

/**
 * Decodes the zstd frame that lies in the view which `frameSource` gave, where it is `decodedBytes` bytes; null where it
 * needs another decoder. Returns a view, 16-byte aligned, that is valid until the next call of either function.
 * One memory per thread serves all arrays (core/kernels/assembly/unzstd.ts). @throws CorruptData
 */
export function decodeFrame(sourceBytes: number, decodedBytes: number): Uint8Array | null {
  const target = align(SOURCE + sourceBytes + SLACK);
  const work = align(target + decodedBytes + SLACK);
  kernel.reserve(work + kernel.exports.scratchBytes());
  const answer = kernel.exports.decode(SOURCE, sourceBytes, target, decodedBytes, work);
  if (answer === FOREIGN) return null;
  if (answer !== DECODED) throw new CorruptData('corrupt or truncated zstd frame');
  return new Uint8Array(kernel.buffer, target, decodedBytes);
}
