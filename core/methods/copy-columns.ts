import type { RowBlock } from '../anndata/types.js';

/**
 * Copies the columns of an expression block to their places in `out` (block.rows x dim, zeroed): `positions` tells each
 * column's place, or -1 for columns that are left out.
 */
export function copyColumns(block: RowBlock, positions: Int32Array, dim: number, out: Float32Array): void {
  if (block.kind !== 'sparse') throw new TypeError('expression arrives as sparse blocks');
  const { indptr, indices, values } = block;
  for (let row = 0; row < block.rows; row++) {
    const target = row * dim;
    const end = indptr[row + 1]!;
    for (let at = indptr[row]!; at < end; at++) {
      const position = positions[indices[at]!]!;
      if (position >= 0) out[target + position] = values[at]!;
    }
  }
}
