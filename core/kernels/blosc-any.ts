import { inflateSync } from 'node:zlib';
import { BLOSC_HEADER_BYTES, type BloscHeader, readBloscHeader } from './blosc-header.js';
import { decodeBloscLz, decodeLz4, unshuffle, unshuffleBits } from './blosc-parts.js';
import { CorruptData } from './corrupt-data.js';
import { decodeZstd } from './zstd.js';

const MIN_SPLIT_BYTES = 128;
const MAX_SPLITS = 16;

/**
 * Decodes a Blosc 1 buffer of any codec and shuffle, in TypeScript: the double of core/kernels/assembly/blosc.ts for LZ4 with
 * byte shuffle, and the decoder of everything else. @throws CorruptData
 */
export function decodeAnyBlosc(source: Uint8Array): Uint8Array {
  const header = readBloscHeader(source);
  const { copied, decodedBytes, blockBytes, typeSize, shuffle } = header;
  if (copied) return source.slice(BLOSC_HEADER_BYTES);
  const target = new Uint8Array(decodedBytes);
  const view = new DataView(source.buffer, source.byteOffset, source.length);
  const blocks = Math.ceil(decodedBytes / blockBytes);
  for (let block = 0; block < blocks; block++) {
    const start = view.getUint32(BLOSC_HEADER_BYTES + 4 * block, true);
    if (start < BLOSC_HEADER_BYTES + 4 * blocks || start > source.length) {
      throw new CorruptData(`Blosc block ${block} begins at byte ${start} of ${source.length}`);
    }
    const done = block * blockBytes;
    const decoded = decodeBlock(source, start, header, Math.min(blockBytes, decodedBytes - done));
    if (shuffle === 'byte') target.set(unshuffle(decoded, typeSize), done);
    else target.set(shuffle === 'bit' ? unshuffleBits(decoded, typeSize) : decoded, done);
  }
  return target;
}

function decodeBlock(source: Uint8Array, start: number, header: BloscHeader, size: number): Uint8Array {
  const { typeSize, blockBytes, splitAllowed } = header;
  const wide = typeSize <= MAX_SPLITS && Math.floor(size / typeSize) >= MIN_SPLIT_BYTES;
  const parts = splitAllowed && size === blockBytes && wide ? typeSize : 1;
  if (size % parts !== 0) throw new CorruptData(`Blosc blocks of ${size} bytes cannot be split into ${parts}`);
  const view = new DataView(source.buffer, source.byteOffset, source.length);
  const decoded = new Uint8Array(size);
  let at = start;
  for (let part = 0; part < parts; part++) {
    const packed = at + 4 <= source.length ? view.getUint32(at, true) : Number.POSITIVE_INFINITY;
    at += 4;
    if (packed > source.length - at) throw new CorruptData('a Blosc block reaches beyond the buffer');
    decodePart(
      source.subarray(at, at + packed),
      decoded.subarray((part * size) / parts, ((part + 1) * size) / parts),
      header,
    );
    at += packed;
  }
  return decoded;
}

function decodePart(source: Uint8Array, target: Uint8Array, { codec }: BloscHeader): void {
  if (source.length === target.length) target.set(source);
  else if (codec === 'lz4') decodeLz4(source, target);
  else if (codec === 'blosclz') decodeBloscLz(source, target);
  else if (codec === 'zstd') target.set(unzstd(source, target.length));
  else if (codec === 'zlib') target.set(inflate(source, target.length));
  else throw new CorruptData(`Blosc codec ${codec} is not supported`);
}

/** Blosc writes one frame, without checksum or dictionary. */
function unzstd(source: Uint8Array, bytes: number): Uint8Array {
  const decoded = decodeZstd(source, bytes);
  if (decoded === null) throw new CorruptData('expected a single zstd frame without checksum in a Blosc block');
  return decoded;
}

function inflate(source: Uint8Array, bytes: number): Uint8Array {
  let decoded: Uint8Array;
  try {
    decoded = inflateSync(source, { maxOutputLength: bytes });
  } catch (error) {
    throw new CorruptData((error as Error).message);
  }
  if (decoded.length !== bytes) throw new CorruptData(`expected ${bytes} inflated bytes, found ${decoded.length}`);
  return decoded;
}
