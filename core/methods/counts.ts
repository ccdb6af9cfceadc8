import type { MatrixPath, RowBlock } from '../anndata/types.js';
import { invalidInput, type ObsmithError, type Problem } from '../errors.js';
import type { ChunkSummary } from './types.js';

/** Where raw counts lie. */
export const COUNTS = 'layers/counts';

/** Refusal of a chunk without raw counts; for the `problems` of methods that read them. */
export function countsProblems(method: string, chunk: ChunkSummary): Problem[] {
  if (chunk.layers.includes('counts')) return [];
  return [
    {
      message: `${chunk.name} has no ${COUNTS}, which ${method} reads; its layers are ${chunk.layers.join(', ') || 'none'}`,
      remedy: `Store raw counts in ${COUNTS}, e.g. with: obsmith import FILE.`,
      where: COUNTS,
    },
  ];
}

/** Whether a value is a count: whole, finite, 0 or more. */
export const isCount = (value: number): boolean => value >= 0 && value === Math.floor(value) && value < Infinity;

/** InvalidInput for values that are no counts, naming the first. */
export function refuseNonCounts(block: RowBlock, chunkName: string): void {
  const { values } = block;
  const stored = block.kind === 'sparse' ? block.indptr[block.rows]! : block.rows * block.columns;
  let at = 0;
  while (at < stored && isCount(values[at]!)) at++;
  if (at < stored) throw notACount(block, at, COUNTS, chunkName, 'counts (whole numbers, 0 or more)');
}

/** The error about one stored value of a block. */
export function notACount(
  block: RowBlock,
  at: number,
  path: MatrixPath,
  chunkName: string,
  expected: string,
): ObsmithError {
  let row = 0;
  let column = at;
  if (block.kind === 'sparse') {
    while (block.indptr[row + 1]! <= at) row++;
    column = block.indices[at]!;
  } else {
    row = Math.floor(at / block.columns);
    column = at % block.columns;
  }
  return invalidInput(
    `${path} of ${chunkName} holds ${block.values[at]} at row ${block.start + row}, column ${column}; ${expected} were expected`,
    `Store raw counts in ${path}.`,
  );
}
