import type { AnnData, RowBlock } from '../anndata/types.js';
import { invalidInput } from '../errors.js';
import type { ChunkSummary } from '../methods/types.js';

const SUMS_COLUMN = 'n_counts';
const FILTER_COLUMN = 'filter_pass';

/** What tokenizing reads of obs, where a chunk has it. */
export function cellElements(chunk: ChunkSummary): string[] {
  return [SUMS_COLUMN, FILTER_COLUMN].filter((name) => chunk.obsColumns.includes(name)).map((name) => `obs/${name}`);
}

/** Total counts of each cell, which scale it. */
export interface CellSums {
  /** numpy name of their type. */
  readonly dtype: string;
  /** @param counted sum of the counts of the cell */
  of(cell: number, counted: number): number;
}

/** obs.n_counts as it is stored; where there is none, counts are summed, in the type of the matrix where that is float32. */
export async function cellSums(chunk: AnnData, countsType: string): Promise<CellSums> {
  if ((await chunk.keys('obs')).includes(SUMS_COLUMN)) {
    const column = await chunk.column('obs', SUMS_COLUMN);
    if (column.kind !== 'numbers') throw notNumbers(chunk.path, SUMS_COLUMN, column.kind);
    return { dtype: column.dtype ?? 'float64', of: (cell) => column.values[cell]! };
  }
  if (countsType === 'float32') return { dtype: 'float32', of: (_cell, counted) => Math.fround(counted) };
  return { dtype: 'float64', of: (_cell, counted) => counted };
}

/** Whether a cell is to be tokenized: obs.filter_pass is 1, or the chunk has no such column. */
export async function cellFilter(chunk: AnnData): Promise<(cell: number) => boolean> {
  if (!(await chunk.keys('obs')).includes(FILTER_COLUMN)) return () => true;
  const column = await chunk.column('obs', FILTER_COLUMN);
  if (column.kind === 'booleans') return (cell) => column.values[cell] === true;
  if (column.kind === 'numbers') return (cell) => column.values[cell] === 1;
  throw notNumbers(chunk.path, FILTER_COLUMN, column.kind);
}

function notNumbers(path: string, column: string, kind: string) {
  return invalidInput(
    `obs.${column} of ${path} holds ${kind}, expected numbers`,
    `Store obs.${column} as numbers, or remove the column.`,
  );
}

/** Whether a cell has any count; InvalidInput where its sum then is not a number above 0. */
export function isCounted(block: RowBlock, row: number, sum: number, chunkName: string): boolean {
  if (sum > 0 && sum < Number.POSITIVE_INFINITY) return true;
  const first = block.kind === 'sparse' ? block.indptr[row]! : row * block.columns;
  const last = block.kind === 'sparse' ? block.indptr[row + 1]! : first + block.columns;
  for (let at = first; at < last; at++) {
    if (block.values[at] === 0) continue;
    throw invalidInput(
      `obs.n_counts of ${chunkName} is ${sum} at row ${block.start + row}, which has counts; a number above 0 was expected`,
      'Store the sum of counts of every cell in obs.n_counts, or remove the column: counts are then summed.',
    );
  }
  return false;
}
