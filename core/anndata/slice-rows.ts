import type { RowBlock } from './types.js';

/** Rows [from, to) of a block, counted within the block; values and indices are views, not copies. */
export function sliceRows(block: RowBlock, from: number, to: number): RowBlock {
  if (from === 0 && to === block.rows) return block;
  const place = { start: block.start + from, rows: to - from, columns: block.columns };
  if (block.kind === 'dense') {
    return { kind: 'dense', ...place, values: block.values.subarray(from * block.columns, to * block.columns) };
  }
  const first = block.indptr[from]!;
  const last = block.indptr[to]!;
  return {
    kind: 'sparse',
    ...place,
    indptr: block.indptr.slice(from, to + 1).map((at) => at - first),
    indices: block.indices.subarray(first, last),
    values: block.values.subarray(first, last),
  };
}
