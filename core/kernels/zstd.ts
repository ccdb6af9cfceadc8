import * as zlib from 'node:zlib';
import { CorruptData } from './corrupt-data.js';
import { decodeFrame, frameSource } from './unzstd.js';

/** Largest frame that is taken at its word. */
const MAX_BYTES = 2 ** 31;

/** Least `chunkSize` that Node takes. */
const MIN_OUTPUT = 64;

type ZstdDecompress = (bytes: Uint8Array, options: { maxOutputLength: number; chunkSize: number }) => Uint8Array;

/** Node has zstd from 22.15 on, faster than our own decoder, which serves older ones. */
const native = (zlib as { zstdDecompressSync?: ZstdDecompress }).zstdDecompressSync;

/** Room for a frame, to be filled (straight from a file) before `decodeZstd`, which takes any other one, too. Valid until the next call. */
export function zstdSource(bytes: number): Uint8Array {
  return native ? plainSource(bytes) : frameSource(bytes);
}

/**
 * Decodes a frame of `decodedBytes` bytes; null where it needs another decoder. The bytes are valid until the next call of
 * either function. @throws CorruptData
 */
export function decodeZstd(bytes: Uint8Array, decodedBytes: number): Uint8Array | null {
  const promised = zstdContentBytes(bytes);
  if (promised !== null && promised !== decodedBytes) {
    throw new CorruptData(`expected ${decodedBytes} decoded bytes, the zstd frame promises ${promised}`);
  }
  if (decodedBytes > MAX_BYTES) throw new CorruptData(`the zstd frame promises ${decodedBytes} bytes`);
  if (decodedBytes === 0) return new Uint8Array(0);
  if (native) return decodeNatively(native, bytes, decodedBytes);
  const source = frameSource(bytes.length);
  if (source.buffer !== bytes.buffer) source.set(bytes);
  return decodeFrame(bytes.length, decodedBytes);
}

let plain = new Uint8Array(0);

function plainSource(bytes: number): Uint8Array {
  if (plain.length < bytes) plain = new Uint8Array(Math.ceil(bytes * 1.25));
  return plain.subarray(0, bytes);
}

/** Into one buffer with a byte to spare: Node goes on to another one, and joins them, once the first is full. */
function decodeNatively(decompress: ZstdDecompress, bytes: Uint8Array, decodedBytes: number): Uint8Array {
  let decoded: Uint8Array;
  try {
    decoded = decompress(bytes, { maxOutputLength: decodedBytes, chunkSize: Math.max(MIN_OUTPUT, decodedBytes + 1) });
  } catch (error) {
    throw new CorruptData(`corrupt zstd frame: ${(error as Error).message}`);
  }
  if (decoded.length !== decodedBytes) throw new CorruptData('corrupt or truncated zstd frame');
  return decoded;
}

/** Content size from a zstd frame header (RFC 8878, 3.1.1.1), null where the frame does not say. @throws CorruptData */
export function zstdContentBytes(bytes: Uint8Array): number | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 9 || view.getUint32(0, true) !== 0xfd2fb528) throw new CorruptData('expected a zstd frame');
  const descriptor = view.getUint8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const at = 5 + (singleSegment ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]!;
  const width = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6]!;
  if (at + width > bytes.length) throw new CorruptData('truncated zstd frame header');
  if (width === 0) return null;
  if (width === 1) return view.getUint8(at);
  if (width === 2) return view.getUint16(at, true) + 256;
  return width === 4 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
}
