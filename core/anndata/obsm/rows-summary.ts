import type { TaskContext } from '../../tasks/types.js';
import type { ArrayNode } from '../zarr/metadata.js';
import { embeddingRows } from './obsm-array.js';
import { addRow, countRows, type RowRanges } from './row-ranges.js';
import { RowsDigest } from './rows-digest.js';

/** What one pass over the values of an embedding finds. */
export interface RowsSummary {
  /** See RowsDigest. */
  readonly digest: string;
  /** Rows that are zero throughout. */
  readonly zeroRows: number;
  /** First value that is NaN or infinite, or null. */
  readonly nonFinite: { readonly row: number; readonly column: number; readonly value: number } | null;
}

/** What reading an embedding finds. */
export interface ReadRows extends RowsSummary {
  /** Which rows are zero throughout. */
  readonly zeroRanges: RowRanges;
}

/** Reads a whole embedding, one chunk at a time. Progress is in rows. InvalidInput where a chunk is missing or corrupt. */
export async function summarizeRows(
  node: ArrayNode,
  context: TaskContext,
  absent: 'error' | 'fill' = 'error',
): Promise<ReadRows> {
  const [total = 0, dim = 1] = node.shape;
  const digest = new RowsDigest(dim);
  const zeroRanges: RowRanges = [];
  let nonFinite: RowsSummary['nonFinite'] = null;
  for await (const { start, rows, values } of embeddingRows(node, absent)) {
    context.checkCancelled();
    digest.update(values);
    for (let row = 0; row < rows; row++)
      if (isZero(values, row * dim, (row + 1) * dim)) addRow(zeroRanges, start + row);
    nonFinite ??= findNonFinite(values, start, dim);
    context.progress(start + rows, total);
  }
  return { digest: digest.digest(), zeroRows: countRows(zeroRanges), zeroRanges, nonFinite };
}

/** How many rows of a row-major matrix are zero throughout. */
export function zeroRowsIn(values: Float32Array, dim: number): number {
  let zeroRows = 0;
  for (let from = 0; from < values.length; from += dim) if (isZero(values, from, from + dim)) zeroRows++;
  return zeroRows;
}

function isZero(values: Float32Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (values[at] !== 0) return false;
  return true;
}

/**
 * First value of some rows that is NaN or infinite. NaN and infinities stay NaN in x - x, and NaN survives every sum: so
 * most rows need no comparison.
 */
export function findNonFinite(values: Float32Array, firstRow: number, dim: number): RowsSummary['nonFinite'] {
  let sum = 0;
  for (let at = 0; at < values.length; at++) sum += values[at]! - values[at]!;
  if (sum === 0) return null;
  const at = values.findIndex((value) => !Number.isFinite(value));
  return { row: firstRow + Math.floor(at / dim), column: at % dim, value: values[at]! };
}
