import * as zlib from 'node:zlib';
import { ZSTDDecoder } from 'zstddec';
import { bloscSource, decodeBlosc } from '../../kernels/blosc.js';
import { CorruptData } from '../../kernels/blosc-header.js';
import { crc32c } from '../../kernels/crc32c.js';
import type { BytesCodec } from './codec-metadata.js';

/** Largest buffer that a chunk of strings may decode to; numeric chunks say their size themselves. */
const MAX_BYTES = 2 ** 31;

/** Input area of this thread for chunks that are not Blosc. */
let plainSource = new Uint8Array(0);

/** Room for an encoded chunk where its first decoder wants it. Valid until the next call in this thread. */
export function encodedSource(codecs: readonly BytesCodec[], bytes: number): Uint8Array {
  if (codecs[0]?.name === 'blosc') return bloscSource(bytes);
  if (plainSource.length < bytes) plainSource = new Uint8Array(Math.ceil(bytes * 1.25));
  return plainSource.subarray(0, bytes);
}

/**
 * Decodes what lies in the view given by `encodedSource`. `decodedBytes` is the size of the chunk, null for strings.
 * Returns either the bytes (valid until the next decoding in this thread) or a promise for bytes of their own, from codecs that
 * run asynchronously. @throws CorruptData
 */
export function decode(
  codecs: readonly BytesCodec[],
  source: Uint8Array,
  decodedBytes: number | null,
): Uint8Array | Promise<Uint8Array> {
  let bytes = source;
  for (const [position, { name }] of codecs.entries()) {
    const last = !codecs.slice(position + 1).some((codec) => codec.name !== 'crc32c');
    const step = decodeStep(name, bytes, bytes === source, last ? decodedBytes : null);
    if (step instanceof Promise) {
      return step.then((decoded) => (last ? decoded : decode(codecs.slice(position + 1), decoded, decodedBytes)));
    }
    bytes = step;
  }
  return bytes;
}

function decodeStep(
  name: BytesCodec['name'],
  bytes: Uint8Array,
  isSource: boolean,
  expected: number | null,
): Uint8Array | Promise<Uint8Array> {
  switch (name) {
    case 'blosc':
      return blosc(bytes, isSource);
    case 'zstd':
      return zstd(bytes, expected);
    case 'gzip':
    case 'zlib':
      return inflate(bytes, expected);
    case 'lz4':
      return foreign('lz4', bytes);
    case 'crc32c':
      return withoutChecksum(bytes);
  }
}

function blosc(bytes: Uint8Array, isSource: boolean): Uint8Array | Promise<Uint8Array> {
  if (!isSource) bloscSource(bytes.length).set(bytes);
  return decodeBlosc(bytes.length) ?? foreign('blosc', bytes);
}

function inflate(bytes: Uint8Array, expected: number | null): Uint8Array {
  try {
    return zlib.unzipSync(bytes, { maxOutputLength: expected ?? MAX_BYTES });
  } catch (error) {
    throw new CorruptData((error as Error).message);
  }
}

/** Node has zstd from 22.15 on; zstddec serves older ones and must have been made ready. */
const nodeZstd = (zlib as { zstdDecompressSync?: (bytes: Uint8Array, options: { maxOutputLength: number }) => Buffer })
  .zstdDecompressSync;
const wasmZstd = new ZSTDDecoder();

/** Must have resolved once in a thread before `decode`. */
export async function decodersReady(): Promise<void> {
  if (!nodeZstd) await wasmZstd.init();
}

function zstd(bytes: Uint8Array, expected: number | null): Uint8Array | Promise<Uint8Array> {
  const promised = zstdContentSize(bytes);
  if (expected !== null && promised !== null && promised !== expected) {
    throw new CorruptData(`expected ${expected} decoded bytes, the zstd frame promises ${promised}`);
  }
  const size = expected ?? promised;
  if (size === null) return foreign('zstd', bytes);
  if (size > MAX_BYTES) throw new CorruptData(`the zstd frame promises ${size} bytes`);
  if (size === 0) return new Uint8Array(0);
  let decoded: Uint8Array;
  try {
    decoded = nodeZstd ? nodeZstd(bytes, { maxOutputLength: size }) : wasmZstd.decode(bytes, size);
  } catch (error) {
    throw new CorruptData(`corrupt zstd frame: ${(error as Error).message}`);
  }
  if (decoded.length !== size) throw new CorruptData('corrupt or truncated zstd frame');
  return decoded;
}

/** Content size from a zstd frame header (RFC 8878, 3.1.1.1), null where the frame does not say. */
function zstdContentSize(bytes: Uint8Array): number | null {
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

function withoutChecksum(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 4) throw new CorruptData(`expected a crc32c checksum, found ${bytes.length} bytes`);
  const content = bytes.subarray(0, -4);
  const stored = new DataView(bytes.buffer, bytes.byteOffset + content.length, 4).getUint32(0, true);
  const found = crc32c(content);
  if (stored !== found) throw new CorruptData(`crc32c is ${found}, stored is ${stored}`);
  return content;
}

/** Decoders of numcodecs start asynchronously, so they get their own copy of the input. */
async function foreign(name: 'blosc' | 'lz4' | 'zstd', bytes: Uint8Array): Promise<Uint8Array> {
  const input = bytes.slice();
  const codec = await numcodec(name);
  try {
    return await codec.decode(input);
  } catch (error) {
    throw new CorruptData(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function numcodec(name: 'blosc' | 'lz4' | 'zstd') {
  if (name === 'blosc') return (await import('numcodecs/blosc')).default.fromConfig({ id: name });
  if (name === 'lz4') return (await import('numcodecs/lz4')).default.fromConfig({ id: name });
  return (await import('numcodecs/zstd')).default.fromConfig({ id: name });
}
