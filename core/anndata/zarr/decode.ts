import { unzipSync } from 'node:zlib';
import { bloscSource, decodeBlosc } from '../../kernels/blosc.js';
import { decodeAnyBlosc } from '../../kernels/blosc-any.js';
import { CorruptData } from '../../kernels/corrupt-data.js';
import { crc32c } from '../../kernels/crc32c.js';
import { decodeZstd, zstdContentBytes, zstdSource } from '../../kernels/zstd.js';
import type { BytesCodec } from './codec-metadata.js';

/** Largest buffer that a chunk of strings may inflate to; numeric chunks say their size themselves. */
const MAX_BYTES = 2 ** 31;

/** Input area of this thread for chunks that are neither Blosc nor zstd. */
let plainSource = new Uint8Array(0);

/** Room for an encoded chunk where its first decoder wants it. Valid until the next call in this thread. */
export function encodedSource(codecs: readonly BytesCodec[], bytes: number): Uint8Array {
  if (codecs[0]?.name === 'blosc') return bloscSource(bytes);
  if (codecs[0]?.name === 'zstd') return zstdSource(bytes);
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
      return blosc(bytes, isSource, expected);
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

function blosc(bytes: Uint8Array, isSource: boolean, expected: number | null): Uint8Array {
  if (!isSource) bloscSource(bytes.length).set(bytes);
  return decodeBlosc(bytes.length, expected) ?? decodeAnyBlosc(bytes);
}

function inflate(bytes: Uint8Array, expected: number | null): Uint8Array {
  try {
    return unzipSync(bytes, { maxOutputLength: expected ?? MAX_BYTES });
  } catch (error) {
    throw new CorruptData((error as Error).message);
  }
}

function zstd(bytes: Uint8Array, expected: number | null): Uint8Array | Promise<Uint8Array> {
  const size = expected ?? zstdContentBytes(bytes);
  return (size === null ? null : decodeZstd(bytes, size)) ?? foreign('zstd', bytes);
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
async function foreign(name: 'lz4' | 'zstd', bytes: Uint8Array): Promise<Uint8Array> {
  const input = bytes.slice();
  const codec = await numcodec(name);
  try {
    return await codec.decode(input);
  } catch (error) {
    throw new CorruptData(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function numcodec(name: 'lz4' | 'zstd') {
  if (name === 'lz4') return (await import('numcodecs/lz4')).default.fromConfig({ id: name });
  return (await import('numcodecs/zstd')).default.fromConfig({ id: name });
}
