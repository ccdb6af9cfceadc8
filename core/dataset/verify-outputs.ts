import { inspectArrays, type PublishedArray } from '../anndata/obsm/inspect-arrays.js';
import { listedKeys } from '../anndata/obsm/listing.js';
import { readObsmNode } from '../anndata/obsm/obsm-array.js';
import { storeExists } from '../anndata/obsm/store-exists.js';
import { openAnnData } from '../anndata/open.js';
import type { Problem } from '../errors.js';
import type { TaskContext } from '../tasks/types.js';
import { collecting } from './collecting.js';
import { type VerifiedArray, verifyArray } from './verify-array.js';

export interface OutputToVerify {
  /** "train/chunk_0", or the path as it was given. */
  readonly name: string;
  /** Absolute path of the input that the output was made from; null where it is not known. */
  readonly input: string | null;
  /** Absolute path of the output store. */
  readonly output: string;
  /** Arrays that a configuration asks for: "X_pca". */
  readonly expected?: readonly string[];
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
 * Reads outputs from beginning to end: cell ids and their order against the input, whether expected arrays are there, and of
 * every obsm array that is one matrix its shape, type, values and digest against its provenance. All problems are listed;
 * only errors that may heal (StoreUnavailable) and Cancelled are thrown. Progress is in rows of arrays; memory is one chunk.
 */
export async function verifyOutputs(
  stores: readonly OutputToVerify[],
  context: TaskContext,
): Promise<VerifiedOutput[]> {
  const total = await rowsOfArrays(stores);
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

async function rowsOfArrays(stores: readonly OutputToVerify[]): Promise<number> {
  let rows = 0;
  for (const { output } of stores) {
    const arrays = await collecting([], '', () => inspectArrays(output));
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
  const names = await collecting(problems, name, () => cellNames(output), REMAKE);
  if (names === null) return { name, output, cells: null, arrays: [], problems };
  if (store.input !== null) await compareCells(store.input, names, name, problems);
  const inspected = (await collecting(problems, name, () => inspectArrays(output), REMAKE)) ?? {};
  checkListing(output, inspected, name, problems);
  checkComplete(store, inspected, problems);
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
  const expected = await collecting(problems, where, () => cellNames(input), 'Restore the input.');
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

function checkComplete(
  { name, output, expected = [] }: OutputToVerify,
  arrays: Record<string, PublishedArray>,
  problems: Problem[],
): void {
  for (const key of expected) {
    const array = arrays[key];
    if (array && !array.inherited) continue;
    const found = array ? 'has only what its input had of it' : 'does not have it';
    problems.push({
      where: `${name} obsm/${key}`,
      message: `the configuration asks for it, but ${output} ${found}`,
      remedy: 'Run the configuration to compute it.',
    });
  }
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
