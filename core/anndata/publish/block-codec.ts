import { decode } from '../zarr/decode.js';
import { encodeChunk } from '../zarr-write/encode.js';

/**
 * Codec of arrays that are mostly zeros: zstd, in both zarr versions. zarr-python reads it by default, and repeated
 * expression values within a row compress several times better than with Blosc.
 */
export const SPARSE_CODEC = 'zstd';

/** One row block as it lies in its file, `blockBytes` when decoded: missing rows are zeros. */
export async function encodeSparseBlock(values: Float32Array, blockBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (bytes.length === blockBytes) return encodeChunk(bytes, SPARSE_CODEC, Float32Array.BYTES_PER_ELEMENT);
  const padded = new Uint8Array(blockBytes);
  padded.set(bytes);
  return encodeChunk(padded, SPARSE_CODEC, Float32Array.BYTES_PER_ELEMENT);
}

/** Whether a block's file decodes to `blockBytes`. */
export async function isDecodable(encoded: Uint8Array, blockBytes: number): Promise<boolean> {
  try {
    return (await decode([{ name: SPARSE_CODEC }], encoded, blockBytes)).length === blockBytes;
  } catch {
    return false;
  }
}
