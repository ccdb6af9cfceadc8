import { invalidInput } from '../errors.js';
import { countFalls } from '../kernels/falls.js';
import type { BlockValues } from './types.js';

const REWRITE =
  'Write the matrix again with scipy and anndata: indices inside the shape, ascending, and without duplicates in a row.';

/**
 * Checks the indptr of a compressed matrix: `lines` + 1 offsets, rising from 0 to the number of stored values.
 * @param where names the matrix in messages, e.g. "layers/counts in /data/chunk_0.zarr"
 */
export function checkIndptr(indptr: Float64Array, lines: number, stored: number, where: string): void {
  if (indptr.length !== lines + 1) {
    throw invalidInput(`indptr of ${where}: expected ${lines + 1} offsets, found ${indptr.length}`, REWRITE);
  }
  if (indptr[0] !== 0) throw invalidInput(`indptr of ${where} begins at ${indptr[0]}, expected 0`, REWRITE);
  for (let line = 0; line < lines; line++) {
    if (!(indptr[line]! <= indptr[line + 1]!)) {
      throw invalidInput(`indptr of ${where} falls from ${indptr[line]} to ${indptr[line + 1]} at ${line}`, REWRITE);
    }
  }
  if (indptr[lines] !== stored) {
    throw invalidInput(`indptr of ${where} ends at ${indptr[lines]}, but there are ${stored} stored values`, REWRITE);
  }
}

export interface CsrRows {
  /** From 0; one more entry than rows. */
  readonly indptr: Int32Array;
  readonly indices: Int32Array;
  readonly values: BlockValues;
}

/**
 * Puts the columns of each row in ascending order, in place, and refuses columns outside the matrix and duplicates in a row.
 * @param firstRow number of the first row in the matrix, for messages
 */
export function orderRows(block: CsrRows, columns: number, firstRow: number, where: string): void {
  const { indptr, indices } = block;
  const allRise = rowsRise(block);
  for (let row = 0; row + 1 < indptr.length; row++) {
    const from = indptr[row]!;
    const to = indptr[row + 1]!;
    if (!allRise) sortRow(block, from, to);
    if (to > from && (indices[from]! < 0 || indices[to - 1]! >= columns)) {
      const found = indices[from]! < 0 ? indices[from] : indices[to - 1];
      throw invalidInput(
        `row ${firstRow + row} of ${where} has a value in column ${found}, expected 0 to ${columns - 1}`,
        REWRITE,
      );
    }
    if (!allRise) refuseDuplicates(indices, from, to, `row ${firstRow + row} of ${where}`);
  }
}

/** Whether columns rise in every row: then all values that are not above the one before begin a row. */
function rowsRise({ indptr, indices }: CsrRows): boolean {
  const last = indptr.length - 1;
  let falls = countFalls(indices.subarray(0, indptr[last]));
  for (let row = 0; row < last; row++) {
    const from = indptr[row]!;
    if (from > 0 && from < indptr[row + 1]! && indices[from]! <= indices[from - 1]!) falls--;
  }
  return falls === 0;
}

function sortRow({ indices, values }: CsrRows, from: number, to: number): void {
  let at = from + 1;
  while (at < to && indices[at - 1]! < indices[at]!) at++;
  if (at >= to) return;
  const order = Uint32Array.from({ length: to - from }, (_, i) => from + i).sort(
    (a, b) => indices[a]! - indices[b]! || a - b,
  );
  indices.set(
    Int32Array.from(order, (i) => indices[i]!),
    from,
  );
  values.set(
    Array.from(order, (i) => values[i]!),
    from,
  );
}

function refuseDuplicates(indices: Int32Array, from: number, to: number, where: string): void {
  for (let i = from + 1; i < to; i++) {
    if (indices[i] === indices[i - 1]) {
      throw invalidInput(
        `${where} has two values in column ${indices[i]}`,
        `${REWRITE} scipy's sum_duplicates() adds them up.`,
      );
    }
  }
}
