/** Bytes that one row block of an embedding may have, uncompressed. */
const MAX_BLOCK_BYTES = 16 * 2 ** 20;
const VALUE_BYTES = Float32Array.BYTES_PER_ELEMENT;

/** How the rows of an embedding are divided into the row blocks that are its zarr chunks and checkpoints. */
export interface RowBlocks {
  /** Rows of a block; the last block has fewer real rows and is padded on disk. */
  readonly blockRows: number;
  readonly blocks: number;
}

/** Row chunks of min(chunkRows, the largest power of two with rows * dim * 4 <= 16 MiB). */
export function rowBlocks(rows: number, dim: number, chunkRows: number): RowBlocks {
  const fitting = Math.max(1, Math.floor(MAX_BLOCK_BYTES / (Math.max(1, dim) * VALUE_BYTES)));
  const blockRows = Math.max(1, Math.min(chunkRows, 2 ** Math.floor(Math.log2(fitting))));
  return { blockRows, blocks: Math.ceil(rows / blockRows) };
}
