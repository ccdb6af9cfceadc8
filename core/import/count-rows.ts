import type { RowBlock } from '../anndata/types.js';
import { valuesOfRow } from './raw-counts.js';

/** Some rows of a count matrix, in their order, as CSR over the kept genes. */
export interface CountRows {
  /** Row numbers in the input. */
  readonly cells: Int32Array;
  /** One item more than cells; begins at 0. */
  readonly indptr: Int32Array;
  readonly indices: Int32Array;
  readonly counts: Int32Array;
}

/**
 * Takes the rows of a block that `assignment` gives to `split`. `geneOf` says which kept gene a column is (-1: dropped).
 * Values are rounded to whole numbers; zeros are not stored.
 */
export function selectRows(block: RowBlock, assignment: Int8Array, split: number, geneOf: Int32Array): CountRows {
  const cells: number[] = [];
  for (let row = 0; row < block.rows; row += 1)
    if (assignment[block.start + row] === split) cells.push(block.start + row);
  const capacity = cells.reduce((sum, cell) => sum + storedIn(block, cell - block.start), 0);
  const indptr = new Int32Array(cells.length + 1);
  const indices = new Int32Array(capacity);
  const counts = new Int32Array(capacity);
  let stored = 0;
  cells.forEach((cell, row) => {
    const [start, end] = valuesOfRow(block, cell - block.start);
    for (let at = start; at < end; at += 1) {
      const gene = geneOf[block.kind === 'sparse' ? block.indices[at]! : at - start]!;
      const count = gene < 0 ? 0 : Math.round(block.values[at]!);
      if (count <= 0) continue;
      indices[stored] = gene;
      counts[stored] = count;
      stored += 1;
    }
    indptr[row + 1] = stored;
  });
  return {
    cells: Int32Array.from(cells),
    indptr,
    indices: indices.subarray(0, stored),
    counts: counts.subarray(0, stored),
  };
}

function storedIn(block: RowBlock, row: number): number {
  const [start, end] = valuesOfRow(block, row);
  return end - start;
}

/** Rows [start, end) of the rows. */
export function sliceRows(rows: CountRows, start: number, end: number): CountRows {
  const from = rows.indptr[start]!;
  const to = rows.indptr[end]!;
  return {
    cells: rows.cells.subarray(start, end),
    indptr: rows.indptr.slice(start, end + 1).map((position) => position - from),
    indices: rows.indices.subarray(from, to),
    counts: rows.counts.subarray(from, to),
  };
}
