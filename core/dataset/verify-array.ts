import type { PublishedArray } from '../anndata/obsm/inspect-arrays.js';
import { type Provenance, provenanceOf, readObsmNode } from '../anndata/obsm/obsm-array.js';
import { countRows, firstDifference, isRowRanges, type RowRanges } from '../anndata/obsm/row-ranges.js';
import { summarizeRows } from '../anndata/obsm/rows-summary.js';
import { invalidInput, type Problem } from '../errors.js';
import type { TaskContext } from '../tasks/types.js';
import { collecting } from './collecting.js';

export interface VerifiedArray extends PublishedArray {
  readonly key: string;
  /** Rows that are zero throughout; null where the values could not be read. */
  readonly zeroRows: number | null;
  /** How many rows the array's provenance lists as zeros; null where it lists none, since zeros mean nothing there. */
  readonly listedZeroRows: number | null;
  readonly finite: boolean | null;
}

const RECOMPUTE = 'Run again: the array is recomputed and replaced.';

export interface ArrayPlace {
  /** Cells of the store. */
  readonly cells: number;
  /** "train/chunk_0 obsm/X_pca" */
  readonly where: string;
  /** Gets what is wrong. */
  readonly problems: Problem[];
}

/** Reads an obsm array from beginning to end and compares it with what its provenance says. */
export async function verifyArray(
  output: string,
  key: string,
  array: PublishedArray,
  { cells, where, problems }: ArrayPlace,
  context: TaskContext,
): Promise<VerifiedArray> {
  const { shape, dtype, method, digest } = array;
  const isOurs = method !== null && !array.inherited;
  const report = (message: string) => problems.push({ where, message, remedy: RECOMPUTE });
  if (shape[0] !== cells) report(`expected ${cells} rows, one for each cell, found shape (${shape.join(', ')})`);
  if (isOurs && shape.length !== 2) report(`expected two axes, found shape (${shape.join(', ')})`);
  const dim = (array.parameters as { dim?: unknown } | null)?.dim;
  if (isOurs && typeof dim === 'number' && shape[1] !== dim)
    report(`expected ${dim} columns by its provenance, found ${shape[1]}`);
  if (isOurs && dtype !== 'float32') report(`expected float32, found ${dtype}`);
  const read = async () => {
    const node = readObsmNode(output, key);
    if (node === null || node === 'group') throw invalidInput(`obsm/${key} is no longer an array`, RECOMPUTE);
    const listed = isOurs ? zeroRowsListed(provenanceOf(node)) : null;
    return { ...(await summarizeRows(node, context, isOurs ? 'error' : 'fill')), listed };
  };
  const found = shape.length === 2 ? await collecting(problems, where, read, RECOMPUTE) : null;
  if (found && !array.inherited && found.nonFinite) {
    const { row, column, value } = found.nonFinite;
    report(`expected finite values, found ${value} at row ${row}, column ${column}`);
  }
  if (found?.listed) compareZeroRows(found.zeroRanges, found.listed, report);
  if (found && isOurs && digest === null) report('its provenance has no digest');
  if (found && isOurs && digest !== null && found.digest !== digest) {
    report(`its values have the digest ${found.digest}, its provenance says ${digest}`);
  }
  return {
    ...array,
    key,
    zeroRows: found?.zeroRows ?? null,
    listedZeroRows: found?.listed ? countRows(found.listed) : null,
    finite: found ? found.nonFinite === null : null,
  };
}

/** The rows that a method lists as zeros, because there was nothing to embed; null where it lists none at all. */
function zeroRowsListed(provenance: Provenance | null): RowRanges | null {
  const listed = provenance?.zeroRows;
  if (listed === undefined) return null;
  if (isRowRanges(listed)) return listed;
  throw invalidInput(
    `its provenance lists zeroRows ${JSON.stringify(listed)}, ranges of rows were expected`,
    RECOMPUTE,
  );
}

function compareZeroRows(found: RowRanges, listed: RowRanges, report: (message: string) => void): void {
  const row = firstDifference(found, listed);
  if (row === null) return;
  const isListed = listed.some(([first, end]) => first <= row && row < end);
  report(
    `expected the ${countRows(listed)} rows of zeros that its provenance lists, found ${countRows(found)}: ` +
      `row ${row} is ${isListed ? 'listed, but holds other values' : 'not listed, but zeros'}`,
  );
}
