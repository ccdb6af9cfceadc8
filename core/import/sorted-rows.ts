import type { BlockValues, SparseBlock } from '../anndata/types.js';
import { invalidInput } from '../errors.js';

/** The block with ascending indices in every row; as it is where they are already. Repeated indices and those out of range are InvalidInput. */
export function withSortedRows(block: SparseBlock, path: string): SparseBlock {
  const { indptr, indices } = block;
  let sorted: { indices: Int32Array; values: BlockValues } | undefined;
  for (let row = 0; row < block.rows; row += 1) {
    const start = indptr[row]!;
    const end = indptr[row + 1]!;
    if (isAscending(indices, start, end)) continue;
    sorted ??= { indices: indices.slice(), values: block.values.slice() };
    const order = Array.from({ length: end - start }, (_, at) => start + at).sort((a, b) => indices[a]! - indices[b]!);
    order.forEach((from, at) => {
      sorted!.indices[start + at] = indices[from]!;
      sorted!.values[start + at] = block.values[from]!;
    });
  }
  const result = sorted ? { ...block, ...sorted } : block;
  for (let row = 0; row < block.rows; row += 1) checkRow(result, row, path);
  return result;
}

function isAscending(indices: Int32Array, start: number, end: number): boolean {
  for (let at = start + 1; at < end; at += 1) if (indices[at]! <= indices[at - 1]!) return false;
  return true;
}

function checkRow(block: SparseBlock, row: number, path: string): void {
  const start = block.indptr[row]!;
  const end = block.indptr[row + 1]!;
  if (start === end) return;
  const first = block.indices[start]!;
  const last = block.indices[end - 1]!;
  if (first < 0 || last >= block.columns) {
    throw invalidInput(
      `${path}: cell ${block.start + row} has feature index ${first < 0 ? first : last}, but there are ${block.columns} features`,
      'The matrix does not belong to its feature list, or is damaged: copy or export it again.',
    );
  }
  if (!isAscending(block.indices, start, end)) {
    throw invalidInput(
      `${path}: cell ${block.start + row} has several entries for one feature`,
      'Export the matrix again with one entry per cell and feature.',
    );
  }
}
