import { BLOSC_HEADER_BYTES, isFastBlosc, readBloscHeader } from './blosc-header.js';
import { CorruptData } from './corrupt-data.js';
import { align, GrowingKernel } from './growing-kernel.js';
import { OWN_DATA_BYTES } from './kernel-memory.js';

interface BloscExports {
  decodeBlocks(
    source: number,
    sourceBytes: number,
    target: number,
    targetBytes: number,
    scratch: number,
    blockBytes: number,
    typeSize: number,
    shuffled: boolean,
    splitAllowed: boolean,
  ): number;
}

/** Where buffers begin: above the module's own tables. */
const SOURCE = OWN_DATA_BYTES;
/** Copies run 16 bytes wide, so each area is followed by this many writable bytes. */
const SLACK = 64;
/** A byte of LZ4 stands for 255 bytes at most; a larger promise would only reserve memory. */
const LZ4_MAX_RATIO = 255;

const kernel = new GrowingKernel<BloscExports>('blosc');

/** Room for `bytes` encoded bytes, to be filled (straight from a file) before `decodeBlosc`. Valid until the next call. */
export function bloscSource(bytes: number): Uint8Array {
  kernel.reserve(SOURCE + bytes + SLACK);
  return new Uint8Array(kernel.buffer, SOURCE, bytes);
}

/**
 * Decodes what lies in the view that `bloscSource` gave; `expectedBytes` is null where only the header knows the size. Returns a view, 16-byte aligned, that is valid until the next call of
 * either function; null where the buffer needs another decoder (codec other than LZ4, bit shuffle).
 * One memory per thread serves all arrays, so nothing is allocated per chunk. @throws CorruptData
 */
export function decodeBlosc(sourceBytes: number, expectedBytes: number | null): Uint8Array | null {
  const header = readBloscHeader(bloscSource(sourceBytes));
  const { decodedBytes } = header;
  if (expectedBytes !== null && decodedBytes !== expectedBytes) {
    throw new CorruptData(`expected ${expectedBytes} decoded bytes, the Blosc header promises ${decodedBytes}`);
  }
  if (decodedBytes === 0) return new Uint8Array(0);
  if (!isFastBlosc(header)) return null;
  if (decodedBytes > LZ4_MAX_RATIO * sourceBytes) {
    throw new CorruptData(`${sourceBytes} bytes cannot hold the ${decodedBytes} that the Blosc header promises`);
  }
  const target = align(SOURCE + sourceBytes + SLACK);
  const scratch = align(target + decodedBytes + SLACK);
  kernel.reserve(scratch + header.blockBytes + SLACK);
  const decoded = new Uint8Array(kernel.buffer, target, decodedBytes);
  if (header.copied) {
    decoded.set(new Uint8Array(kernel.buffer, SOURCE + BLOSC_HEADER_BYTES, decodedBytes));
    return decoded;
  }
  const { blockBytes, typeSize, shuffle, splitAllowed } = header;
  const shuffled = shuffle === 'byte';
  if (
    !kernel.exports.decodeBlocks(
      SOURCE,
      sourceBytes,
      target,
      decodedBytes,
      scratch,
      blockBytes,
      typeSize,
      shuffled,
      splitAllowed,
    )
  ) {
    throw new CorruptData('corrupt LZ4 data in a Blosc block');
  }
  return decoded;
}
