import type { RowBlock } from '../anndata/types.js';
import { invalidInput } from '../errors.js';

const REMEDY = 'Store raw counts (whole numbers, 0 or more) in layers/counts.';

/** InvalidInput for the first value of a block that is no count, with its place. */
export function checkCounts(block: RowBlock, chunkName: string): void {
  const { values } = block;
  const stored = block.kind === 'sparse' ? block.indptr[block.rows]! : block.rows * block.columns;
  for (let at = 0; at < stored; at++) {
    const value = values[at]!;
    if (value >= 0 && Math.floor(value) === value && value !== Number.POSITIVE_INFINITY) continue;
    const { row, column } = placeOf(block, at);
    throw invalidInput(
      `layers/counts of ${chunkName} holds ${value} at row ${block.start + row}, column ${column}; counts (whole numbers, 0 or more) were expected`,
      REMEDY,
    );
  }
}

function placeOf(block: RowBlock, at: number): { row: number; column: number } {
  if (block.kind === 'dense') return { row: Math.floor(at / block.columns), column: at % block.columns };
  let row = 0;
  while (block.indptr[row + 1]! <= at) row++;
  return { row, column: block.indices[at]! };
}
