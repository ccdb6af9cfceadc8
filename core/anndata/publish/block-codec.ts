import { type EncodedValues, encodeMostlyZeros } from '../../kernels/zstd-mostly-zeros.js';
import { decode } from '../zarr/decode.js';

/**
 * Codec of arrays that are mostly zeros: zstd, in both zarr versions. zarr-python reads it by default, and expression
 * values that repeat within a row make it several times smaller than Blosc.
 */
export const SPARSE_CODEC = 'zstd';

/** One row block as it lies in its file, `blockBytes` when decoded: missing rows are zeros. */
export const encodeSparseBlock = (values: Float32Array, blockBytes: number): EncodedValues =>
  encodeMostlyZeros(values, blockBytes);

/** Whether a block's file decodes to `blockBytes`. */
export async function isDecodable(encoded: Uint8Array, blockBytes: number): Promise<boolean> {
  try {
    return (await decode([{ name: SPARSE_CODEC }], encoded, blockBytes)).length === blockBytes;
  } catch {
    return false;
  }
}
