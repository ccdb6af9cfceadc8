import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type ArrayState, examineArray } from '../anndata/obsm/array-state.js';
import { freshScan } from '../dataset/scan.js';
import type { ChunkScan } from '../dataset/types.js';
import { type Problem, withRemedy } from '../errors.js';
import { geneNamesOf } from '../fits/identity.js';
import type { KeptFit } from '../fits/kept-fit.js';
import { inputProvenance } from '../methods/provenance.js';
import { tokenNaming, tokensPath } from '../tokenization/prepare-tokens.js';
import { type DurationEstimate, estimateDuration } from './duration.js';
import { estimate, type PendingChunk, type WorkerMemory } from './estimate.js';
import { existingArrays } from './existing-arrays.js';
import { type GatheredPlan, gatherPlan } from './gather.js';
import { knownFits } from './known-fits.js';
import { freeSpace } from './plan-run.js';
import { isPrepareOnly } from './prepare-only.js';
import type { PlannedChunk, PlannedMethod, RunRequest } from './types.js';

export interface PlanRow {
  readonly chunk: string;
  readonly method: string;
  /** prepare: in a run that only prepares. */
  readonly action: 'prepare' | 'compute' | 'skip' | 'refused';
  /** Why, in words. */
  readonly reason: string;
}

/** What `obsmith plan` shows. */
export interface PlanPreview {
  readonly dataset: string;
  readonly base: string;
  readonly chunks: number;
  readonly cells: number;
  readonly methods: readonly {
    method: string;
    queue: 'cpu' | 'gpu';
    dim: number;
    /** Chunks to prepare, before they are embedded or in a run that only prepares. */
    prepare: number;
    compute: number;
    skip: number;
    refused: number;
  }[];
  readonly rows: readonly PlanRow[];
  readonly bytes: { readonly output: number; readonly staging: number; readonly free: number };
  readonly memoryBytes: WorkerMemory;
  /** Rough, from measured rates, for the cores of this machine. */
  readonly duration: DurationEstimate;
  readonly problems: readonly Problem[];
  readonly notes: readonly string[];
}

/** Dry run: what a run would compute, skip and refuse, and what it needs. Reads metadata only and changes nothing. */
export async function previewPlan(
  request: RunRequest,
  { cwd, env }: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<PlanPreview> {
  const gathered = await gatherPlan(request, cwd, env);
  const { config, methods, chunkCount, chunks } = gathered;
  const prepareOnly = isPrepareOnly(request);
  const scans = await knownScans(gathered);
  const fits = await knownFits(gathered, scans);
  const rows: PlanRow[] = [];
  const toPrepare: string[] = [];
  const pending: PendingChunk[] = [];
  for (const chunk of chunks.slice(0, chunkCount)) {
    const there = await existingArrays(join(config.base, chunk.output));
    const computed: PlannedMethod[] = [];
    for (const method of methods) {
      const known = { there, scan: scans.get(chunk.index) ?? null, fit: fits.get(method.method) ?? null };
      const row = await preview(gathered, chunk, method, known);
      const prepared = row.action === 'compute' && (await isPrepared(gathered, method, known.scan));
      if (row.action === 'compute' && method.tokens && !prepared) toPrepare.push(method.method);
      rows.push(preparing(row, method, prepared, prepareOnly));
      if (row.action === 'compute') computed.push(method);
    }
    pending.push({ chunk, methods: computed, copiesInput: there === null });
  }
  const { outputBytes, stagingBytes, memoryBytes } = estimate(pending, availableParallelism(), prepareOnly);
  return {
    dataset: config.dataset.name,
    base: config.base,
    chunks: chunkCount,
    cells: chunks.slice(0, chunkCount).reduce((sum, chunk) => sum + chunk.cells, 0),
    methods: methods.map(({ method, queue, dim }) => ({
      ...{ method, queue: prepareOnly ? 'cpu' : queue, dim },
      ...countActions(rows, method),
      prepare: toPrepare.filter((name) => name === method).length,
    })),
    rows,
    bytes: { output: outputBytes, staging: stagingBytes, free: await freeSpace(config.base) },
    memoryBytes,
    duration: durationOf(gathered, fits, pending, prepareOnly),
    problems: [...gathered.unavailable.map(({ problem }) => problem), ...memoryProblems(gathered, memoryBytes)],
    notes: [...config.notes, ...(prepareOnly && methods.length === 0 ? [NOTHING_TO_PREPARE] : [])],
  };
}

const NOTHING_TO_PREPARE = 'no method of this run needs preparation';

async function isPrepared({ config }: GatheredPlan, method: PlannedMethod, scan: ChunkScan | null): Promise<boolean> {
  const path = scan && method.tokens ? tokensPath(tokenNaming(config.dataset.name, method), scan) : null;
  return path !== null && existsSync(join(config.base, path));
}

/** What is computed, with what has to be made for it first; or that alone. */
function preparing(row: PlanRow, { tokens }: PlannedMethod, prepared: boolean, prepareOnly: boolean): PlanRow {
  if (row.action !== 'compute' || !tokens) return row;
  const state = prepared ? 'its tokens are there' : 'tokens are made first';
  if (!prepareOnly) return { ...row, reason: `${row.reason}; ${state}` };
  return prepared ? { ...row, action: 'skip', reason: state } : { ...row, action: 'prepare', reason: 'no tokens yet' };
}

/** Scans of earlier runs that still hold; planning makes none, since that means reading everything. */
async function knownScans({ config, chunks }: GatheredPlan): Promise<Map<number, ChunkScan>> {
  const scans = new Map<number, ChunkScan>();
  for (const chunk of chunks) {
    if (chunk.unreadable) continue;
    const scan = await freshScan({ base: config.base, dataset: config.dataset.name, chunk, elements: chunk.reads });
    if (scan) scans.set(chunk.index, scan);
  }
  return scans;
}

/** A fit that is not there is made as soon as one of its arrays is. */
function durationOf(
  { fitChunks, chunks }: GatheredPlan,
  fits: ReadonlyMap<string, KeptFit>,
  pending: Parameters<typeof estimateDuration>[0],
  prepareOnly: boolean,
): DurationEstimate {
  const computed = new Set(pending.flatMap(({ methods }) => methods));
  const toFit = [...computed].filter(({ method }) => !fits.has(method));
  const fitCells = fitChunks.reduce((sum, index) => sum + chunks[index]!.cells, 0);
  return estimateDuration(pending, prepareOnly ? [] : toFit, fitCells, availableParallelism(), prepareOnly);
}

interface Known {
  readonly there: ReadonlySet<string> | null;
  readonly scan: ChunkScan | null;
  /** The method's fit where it is known. */
  readonly fit: KeptFit | null;
}

async function preview(
  { config }: GatheredPlan,
  chunk: PlannedChunk,
  method: PlannedMethod,
  { there, scan, fit }: Known,
): Promise<PlanRow> {
  const row = (action: PlanRow['action'], reason: string): PlanRow => ({
    chunk: chunk.name,
    method: method.method,
    action,
    reason,
  });
  const refusal = chunk.unreadable ?? chunk.refused[method.method];
  if (refusal) return row('refused', refusal.message);
  const content = scan && contentProblem(method, scan);
  if (content) return row('refused', withRemedy(content));
  const compute = (reason: string): PlanRow =>
    fit?.refusal ? row('refused', withRemedy(fit.refusal)) : row('compute', reason);
  if (method.overwrite) return compute('overwrite is set');
  if (!there?.has(`X_${method.method}`)) return compute(there ? 'no such array in the output yet' : 'no output yet');
  const fitted = method.fitRounds.length > 0;
  if (!scan) return compute('the input is new or has changed since it was last read; the run decides after reading it');
  if (fitted && fit === null) return compute('the statistics of the data set are not there or have changed');
  const state = await examineArray(join(config.base, chunk.output), `X_${method.method}`, {
    rows: scan.cells,
    dim: method.dim,
    provenance: inputProvenance(method, scan, fit),
    adoptable: config.adopt_existing && !fitted,
  });
  return isComputed(state, config.on_stale) ? compute(state.reason) : actionOf(state, config.on_stale, row);
}

/** What an earlier reading of the chunk found to be in a method's way. */
function contentProblem(method: PlannedMethod, { noExpression, geneNames }: ChunkScan) {
  if (method.source === 'expression' && noExpression) return noExpression;
  return method.fitRounds.length > 0 ? geneNames?.[geneNamesOf(method)] : null;
}

type OnStale = 'recompute' | 'keep' | 'fail';

const isComputed = ({ state }: ArrayState, onStale: OnStale): boolean =>
  state === 'stale' ? onStale === 'recompute' : state !== 'complete' && state !== 'adopted';

/** What is done with an array that is not computed. */
function actionOf(
  state: ArrayState,
  onStale: OnStale,
  row: (action: PlanRow['action'], reason: string) => PlanRow,
): PlanRow {
  if (state.state !== 'stale') return row('skip', state.reason);
  return onStale === 'keep'
    ? row('skip', `stale, kept by on_stale: ${state.reason}`)
    : row('refused', `stale, refused by on_stale: ${state.reason}`);
}

function countActions(rows: readonly PlanRow[], method: string): Record<PlanRow['action'], number> {
  const counts = { prepare: 0, compute: 0, skip: 0, refused: 0 };
  for (const row of rows) if (row.method === method) counts[row.action]++;
  return counts;
}

function memoryProblems({ config }: GatheredPlan, memoryBytes: WorkerMemory): Problem[] {
  return (['cpu', 'gpu'] as const).flatMap((queue) => {
    const where = `embedding_${queue}.memory_gb`;
    const granted = config.embeddingSections[`embedding_${queue}`]?.memory_gb;
    const needed = memoryBytes[queue];
    if (granted === undefined || granted * 1e9 >= needed) return [];
    return {
      message: `${where} is ${granted}, but a worker needs about ${(needed / 1e9).toFixed(1)} GB`,
      remedy: `Set it to ${Math.ceil(needed / 1e9)} or more${queue === 'cpu' ? ', or start workers with a lower --concurrency' : ''}.`,
      where,
    };
  });
}
