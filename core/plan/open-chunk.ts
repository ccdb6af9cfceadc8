import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ArrayState, arrayState } from '../anndata/obsm/array-state.js';
import { storeExists } from '../anndata/obsm/store-exists.js';
import { stagedStore } from '../anndata/publish/places.js';
import { repairChunk } from '../anndata/publish/publish-array.js';
import { stagingFolder } from '../dataset/layout.js';
import type { ChunkScan } from '../dataset/types.js';
import { invalidInput, isObsmithError, withRemedy } from '../errors.js';
import { scanPlannedChunk } from '../fits/early-statistics.js';
import { readResolvedFits } from '../fits/resolve-fits.js';
import { inputDigest, inputProvenance } from '../methods/provenance.js';
import { findMethod } from '../methods/registry.js';
import type { ChunkInput } from '../tasks/definitions.js';
import type { TaskContext } from '../tasks/types.js';
import { type LoadedPlan, loadPlan, loadPlannedChunk } from './load-plan.js';
import { checkOutputFormat } from './output-format.js';
import type { PlannedChunk, PlannedMethod } from './types.js';

export interface OpenChunkInput extends ChunkInput {
  /** Methods of the wave that can run: those whose fit failed are not among them. */
  readonly methods: readonly string[];
  /** Methods among them that are computed although their arrays are complete: somebody asked for a rerun. */
  readonly overwrite?: readonly string[];
}

/** A method that will not be run on a chunk, and why. */
export interface Refusal {
  readonly method: string;
  readonly type: string;
  readonly message: string;
}

/** What one wave has to do on one chunk. */
export interface OpenedChunk {
  /** "train/chunk_0" */
  readonly name: string;
  readonly cells: number;
  /** Methods to compute, or to prepare in a run that only prepares. */
  readonly todo: string[];
  /** Methods whose arrays are complete (or kept although stale). */
  readonly skipped: string[];
  readonly refused: Refusal[];
  /** True where there is neither an output store nor a copy of the input that becomes one. */
  readonly needsInput: boolean;
}

/**
 * Scans a chunk (at once where its fingerprint holds) and decides per method: compute, skip or refuse.
 * A chunk whose input or output cannot be read refuses its methods; only errors that may heal are thrown.
 */
export async function openChunk(
  { methods: wanted, overwrite = [], chunk: index, ...location }: OpenChunkInput,
  context: TaskContext,
): Promise<OpenedChunk> {
  const loaded = await loadPlan(location);
  const chunk = await loadPlannedChunk(loaded, index);
  const methods = loaded.plan.methods
    .filter(({ method }) => wanted.includes(method))
    .map((method) => ({ ...method, overwrite: method.overwrite || overwrite.includes(method.method) }));
  const opened: OpenedChunk = {
    name: chunk.name,
    cells: chunk.cells,
    todo: [],
    skipped: [],
    refused: [],
    needsInput: false,
  };
  const runnable = methods.filter((method) => {
    const refusal = chunk.unreadable ?? chunk.refused[method.method];
    if (refusal) opened.refused.push({ method: method.method, ...refusal });
    return !refusal;
  });
  if (runnable.length === 0) return opened;
  const { base } = loaded;
  const hasOutput = await exists(join(base, chunk.output));
  const scan = await orRefuse(runnable, opened, async () => {
    // An array that an aborted run moved in but did not list is listed now, instead of being computed again.
    if (!loaded.plan.prepareOnly) await repairChunk(base, chunk.output, context);
    if (hasOutput) await checkOutputFormat(base, chunk);
    return scanPlannedChunk(loaded, chunk, context);
  });
  if (!scan) return opened;
  for (const method of runnable) await orRefuse([method], opened, () => decide(loaded, chunk, method, scan, opened));
  const makesOutput = opened.todo.length > 0 && !hasOutput && !loaded.plan.prepareOnly;
  return { ...opened, needsInput: makesOutput && !(await isStaged(loaded, chunk)) };
}

/** Whether the run has copied the input: ahead, or for methods of the other wave. */
const isStaged = ({ base, plan }: LoadedPlan, { name }: PlannedChunk): Promise<boolean> =>
  storeExists(stagedStore(join(base, stagingFolder(plan.dataset, plan.id, name))));

/** The result of `work`, or null after refusing `methods` for an error that no retry heals. */
async function orRefuse<T>(
  methods: readonly PlannedMethod[],
  opened: OpenedChunk,
  work: () => Promise<T>,
): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (!isObsmithError(error) || error.retryable || error.type === 'Cancelled') throw error;
    for (const { method } of methods) opened.refused.push({ method, type: error.type, message: withRemedy(error) });
    return null;
  }
}

async function decide(
  loaded: LoadedPlan,
  chunk: PlannedChunk,
  method: PlannedMethod,
  scan: ChunkScan,
  opened: OpenedChunk,
): Promise<void> {
  const { plan } = loaded;
  // Refuses what the method reads and the chunk does not have, also where nothing is compared with it.
  inputDigest(findMethod(method.method).reads(method, scan), scan);
  const state = method.overwrite ? null : await stateOf(loaded, chunk, method, scan);
  if (state?.state === 'complete' || state?.state === 'adopted') opened.skipped.push(method.method);
  else if (state?.state === 'stale' && plan.onStale === 'keep') opened.skipped.push(method.method);
  else if (state?.state === 'stale' && plan.onStale === 'fail') {
    const refusal = invalidInput(
      `X_${method.method} of ${chunk.name} no longer matches: ${state.reason}`,
      'on_stale is "fail"; set it to recompute, or run with --overwrite.',
    );
    opened.refused.push({
      method: method.method,
      type: refusal.type,
      message: withRemedy(refusal),
    });
  } else {
    const unusable = method.fitRounds.length > 0 ? (await readResolvedFits(loaded.base, plan.id)).unusable : {};
    const refusal = unusable[method.method];
    if (refusal) opened.refused.push({ method: method.method, ...refusal });
    else opened.todo.push(method.method);
  }
}

/** State of a method's published array against what this run would compute. */
export async function stateOf(
  loaded: LoadedPlan,
  chunk: PlannedChunk,
  method: PlannedMethod,
  scan: ChunkScan,
): Promise<ArrayState> {
  const { base, plan } = loaded;
  const fits = method.fitRounds.length > 0 ? (await readResolvedFits(base, plan.id)).fits : {};
  const id = fits[method.method];
  return arrayState(join(base, chunk.output), `X_${method.method}`, {
    rows: scan.cells,
    dim: method.dim,
    provenance: inputProvenance(method, scan, id === undefined ? null : { id }),
    adoptable: plan.adoptExisting && method.fitRounds.length === 0,
  });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
