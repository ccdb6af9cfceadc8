import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { fromSystemError, invalidInput } from '../errors.js';

const GZIP = [0x1f, 0x8b];

/** Bytes of a file, decompressed where it is gzip (by its first bytes, not by its name). */
export function fileContent(path: string): AsyncIterable<Uint8Array> {
  return decompressed(createReadStream(path, { highWaterMark: 1024 * 1024 }), path);
}

/** The bytes as they are, or what gzip made them of. Corrupt or truncated gzip is InvalidInput. */
export async function* decompressed(content: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  try {
    const source = content[Symbol.asyncIterator]();
    const first = await source.next();
    if (first.done) return;
    const all = startingWith(first.value, source);
    if (!GZIP.every((byte, at) => first.value[at] === byte)) {
      yield* all;
      return;
    }
    yield* pipeline(all, createGunzip({ chunkSize: 1024 * 1024 }), () => {}) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw gzipError(error, path);
  }
}

async function* startingWith(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

function gzipError(error: unknown, path: string): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code !== 'Z_DATA_ERROR' && code !== 'Z_BUF_ERROR') return fromSystemError(error, path);
  return invalidInput(
    `${path} is corrupt or truncated gzip: ${(error as Error).message}`,
    'Copy or download the file again.',
    error,
  );
}
