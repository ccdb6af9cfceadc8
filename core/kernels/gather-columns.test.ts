import { expect, it } from 'vitest';
import type { SparseBlock } from '../anndata/types.js';
import { GatherColumns } from './gather-columns.js';
import { uniform } from './tridiagonal.js';

/** The kernel's double. */
function gatherColumns({ rows, indptr, indices, values }: SparseBlock, positions: Int32Array, dim: number) {
  const out = new Float32Array(rows * dim);
  for (let row = 0; row < rows; row++) {
    for (let at = indptr[row]!; at < indptr[row + 1]!; at++) {
      const position = positions[indices[at]!]!;
      if (position >= 0) out[row * dim + position] = values[at]!;
    }
  }
  return out;
}

function someRows(rows: number, columns: number, next: () => number): SparseBlock {
  const indices: number[] = [];
  const indptr = Int32Array.from({ length: rows + 1 }, (_, row) => {
    const share = row % 9 === 0 ? 1 : row % 5 === 0 ? 0 : 0.2;
    if (row > 0) for (let column = 0; column < columns; column++) if (next() < share) indices.push(column);
    return indices.length;
  });
  const values = Float32Array.from(indices, () => (next() < 0.01 ? -0 : next() * 9));
  return { kind: 'sparse', start: 0, rows, columns, indptr, indices: Int32Array.from(indices), values };
}

const bytes = (values: Float32Array): Buffer => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

it.each([
  ['few', 500, 7],
  ['most', 300, 290],
  ['more genes than the chunk has, which has more than the kernel takes at once', 40_000, 50_000],
])('copies %s columns as its TypeScript double', (_, columns, dim) => {
  const next = uniform(17);
  const places = Array.from({ length: dim }, (_, place) => place).sort(() => next() - 0.5);
  const positions = Int32Array.from({ length: columns }, () => (next() < 0.9 ? (places.pop() ?? -1) : -1));
  const kernel = new GatherColumns(positions, dim);
  for (const rows of [1, 40, 3]) {
    const block = someRows(rows, columns, next);
    const out = new Float32Array(rows * dim).fill(5);
    kernel.gather(block, out);
    expect(bytes(out).equals(bytes(gatherColumns(block, positions, dim)))).toBe(true);
  }
});
