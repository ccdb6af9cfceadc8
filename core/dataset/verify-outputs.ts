import { inspectArrays, type PublishedArray } from '../anndata/obsm/inspect-arrays.js';
import { listedKeys } from '../anndata/obsm/listing.js';
import { readObsmNode } from '../anndata/obsm/obsm-array.js';
import { type RowsSummary, summarizeRows } from '../anndata/obsm/rows-summary.js';
import { storeExists } from '../anndata/obsm/store-exists.js';
import { openAnnData } from '../anndata/open.js';
import { invalidInput, isObsmithError, type Problem } from '../errors.js';
import type { TaskContext } from '../tasks/types.js';

export interface OutputToVerify {
  /** "train/chunk_0", or the path as it was given. */
  readonly name: string;
  /** Absolute path of the input that the output was made from; null where it is not known. */
  readonly input: string | null;
  /** Absolute path of the output store. */
  readonly output: string;
}

export interface VerifiedArray extends PublishedArray {
  readonly key: string;
  /** Rows that are zero throughout; null where the values could not be read. */
  readonly zeroRows: number | null;
  readonly finite: boolean | null;
}

export interface VerifiedOutput {
  readonly name: string;
  readonly output: string;
  /** Null where the store could not be opened. */
  readonly cells: number | null;
  readonly arrays: readonly VerifiedArray[];
  /** `where` is the store's name, with the array's path where it is about one. */
  readonly problems: readonly Problem[];
}

/**
 * Reads outputs from beginning to end: cell ids and their order against the input, and of every obsm array that is one
 * matrix its shape, type, values and digest against its provenance. All problems are listed; only errors that may heal
 * (StoreUnavailable) and Cancelled are thrown. Progress is in rows of arrays; memory is one chunk.
 */
export async function verifyOutputs(
  stores: readonly OutputToVerify[],
  context: TaskContext,
): Promise<VerifiedOutput[]> {
  const total = await countRows(stores);
  let done = 0;
  const verified: VerifiedOutput[] = [];
  for (const store of stores) {
    const progress = {
      progress: (rows: number) => context.progress(done + rows, total),
      checkCancelled: () => context.checkCancelled(),
    };
    const found = await verifyOutput(store, progress, (rows) => {
      done += rows;
    });
    verified.push(found);
  }
  return verified;
}

async function countRows(stores: readonly OutputToVerify[]): Promise<number> {
  let rows = 0;
  for (const { output } of stores) {
    const arrays = await tried([], output, '', () => inspectArrays(output));
    for (const { shape } of Object.values(arrays ?? {})) rows += shape[0] ?? 0;
  }
  return rows;
}

async function verifyOutput(
  store: OutputToVerify,
  context: TaskContext,
  read: (rows: number) => void,
): Promise<VerifiedOutput> {
  const { name, output } = store;
  const problems: Problem[] = [];
  if (!(await storeExists(output))) {
    problems.push({
      where: name,
      message: `There is no output ${output}`,
      remedy: 'Run the configuration to compute it.',
    });
    return { name, output, cells: null, arrays: [], problems };
  }
  const names = await tried(problems, name, REMAKE, () => cellNames(output));
  if (names === null) return { name, output, cells: null, arrays: [], problems };
  if (store.input !== null) await compareCells(store.input, names, name, problems);
  const inspected = (await tried(problems, name, REMAKE, () => inspectArrays(output))) ?? {};
  checkListing(output, inspected, name, problems);
  const arrays: VerifiedArray[] = [];
  for (const [key, array] of Object.entries(inspected)) {
    arrays.push(
      await verifyArray(output, key, array, { cells: names.length, where: `${name} obsm/${key}`, problems }, context),
    );
    read(array.shape[0] ?? 0);
  }
  return { name, output, cells: names.length, arrays, problems };
}

const REMAKE = 'Move the output away and run again: it is made anew from its input.';
const RECOMPUTE = 'Run again: the array is recomputed and replaced.';

async function cellNames(path: string): Promise<string[]> {
  const store = await openAnnData(path);
  try {
    return await store.names('obs');
  } finally {
    await store.close();
  }
}

async function compareCells(
  input: string,
  found: readonly string[],
  where: string,
  problems: Problem[],
): Promise<void> {
  const expected = await tried(problems, where, 'Restore the input.', () => cellNames(input));
  if (expected === null) return;
  if (expected.length !== found.length) {
    const message = `expected the ${expected.length} cells of ${input}, found ${found.length}`;
    problems.push({ where, message, remedy: REMAKE });
    return;
  }
  const at = expected.findIndex((name, row) => name !== found[row]);
  if (at < 0) return;
  const message = `cell ${at} is "${found[at]}", expected "${expected[at]}" as in ${input}`;
  problems.push({ where, message, remedy: REMAKE });
}

/** Consolidated metadata decides what readers see. */
function checkListing(
  output: string,
  arrays: Record<string, PublishedArray>,
  where: string,
  problems: Problem[],
): void {
  const listed = listedKeys(output);
  if (listed === null) return;
  const remedy = 'Run again: the consolidated metadata is rebuilt from what is on disk.';
  for (const key of Object.keys(arrays)) {
    if (listed.has(key)) continue;
    problems.push({
      where: `${where} obsm/${key}`,
      message: 'not listed in the consolidated metadata, so readers do not see it',
      remedy,
    });
  }
  for (const key of listed) {
    if (readObsmNode(output, key) !== null) continue;
    problems.push({
      where: `${where} obsm/${key}`,
      message: 'listed in the consolidated metadata but absent, so readers find NaN',
      remedy,
    });
  }
}

interface ArrayPlace {
  readonly cells: number;
  readonly where: string;
  readonly problems: Problem[];
}

async function verifyArray(
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
    return summarizeRows(node, context, isOurs ? 'error' : 'fill');
  };
  const found: RowsSummary | null = shape.length === 2 ? await tried(problems, where, RECOMPUTE, read) : null;
  if (found && !array.inherited && found.nonFinite) {
    const { row, column, value } = found.nonFinite;
    report(`expected finite values, found ${value} at row ${row}, column ${column}`);
  }
  if (found && isOurs && digest === null) report('its provenance has no digest');
  if (found && isOurs && digest !== null && found.digest !== digest) {
    report(`its values have the digest ${found.digest}, its provenance says ${digest}`);
  }
  return { ...array, key, zeroRows: found?.zeroRows ?? null, finite: found ? found.nonFinite === null : null };
}

/** The result of `work`, or null after adding what is wrong to `problems`. */
async function tried<T>(problems: Problem[], where: string, remedy: string, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (!isObsmithError(error) || error.type !== 'InvalidInput') throw error;
    problems.push({ where, message: error.message, remedy });
    return null;
  }
}
