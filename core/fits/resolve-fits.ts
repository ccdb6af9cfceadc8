import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../anndata/zarr-write/atomic-file.js';
import { planFolder, roundFolder } from '../dataset/layout.js';
import { readScan } from '../dataset/scan.js';
import type { ChunkScan } from '../dataset/types.js';
import { fromSystemError, invalidInput, withRemedy } from '../errors.js';
import { type LoadedPlan, loadPlannedChunk } from '../plan/load-plan.js';
import type { Refusal } from '../plan/open-chunk.js';
import type { PlannedChunk, PlannedMethod } from '../plan/types.js';
import { changedFits } from './changed-fits.js';
import { takeEarlySums } from './early-sums.js';
import { fitExists, loadFit } from './fit-store.js';
import { fitId, geneNamesOf, roundKey } from './identity.js';
import { type KeptFit, keptFit } from './kept-fit.js';
import type { Fit, FitRound } from './types.js';

/** A chunk that statistics are fitted on. */
export interface FitChunk {
  readonly index: number;
  readonly name: string;
  readonly scan: ChunkScan;
}

/** What the fits of one plan are made from: written once after all fit chunks were scanned. */
export interface ResolvedFits {
  readonly chunks: readonly { readonly index: number; readonly name: string }[];
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
  /** method -> fit id */
  readonly fits: Readonly<Record<string, string>>;
  /** Methods of which nothing more can be computed, because the fit of the arrays that are kept cannot be used. */
  readonly unusable: Readonly<Record<string, ErrorSummary>>;
  /** method -> round -> key of the round's folder */
  readonly rounds: Readonly<Record<string, Readonly<Partial<Record<FitRound, string>>>>>;
}

interface ErrorSummary {
  readonly type: string;
  readonly message: string;
}

/** One round that has to be computed, shared by `methods`. */
export interface NeededRound {
  readonly round: FitRound;
  readonly methods: string[];
  readonly chunks: number;
  /** True where scans have summed all chunks already. */
  readonly accumulated: boolean;
}

const resolvedFile = (planId: string): string => join(planFolder(planId), 'fits.json');

/**
 * Decides what the plan's fits are, once every fit chunk was scanned: which chunks they stand on, their ids, and which
 * rounds are still to be computed. A chunk that cannot be used is left out where `max_failed_chunks` allows it, and
 * fails the fitted methods otherwise. `refused` are methods whose fit must not change, but would.
 */
export async function resolveFits(loaded: LoadedPlan): Promise<{ rounds: NeededRound[]; refused: Refusal[] }> {
  const { base, plan } = loaded;
  const fitted = plan.methods.filter((method) => method.fitRounds.length > 0);
  const { chunks, leftOut } = await readFitChunks(loaded, fitted);
  const fits: Record<string, string> = {};
  const unusable: Record<string, ErrorSummary> = {};
  for (const method of fitted) {
    const current = fitId(method, chunks, leftOut);
    const kept = plan.onStale === 'keep' ? await keptFitOf(loaded, method, current) : null;
    fits[method.method] = kept?.id ?? current;
    if (kept?.refusal) unusable[method.method] = { type: kept.refusal.type, message: withRemedy(kept.refusal) };
  }
  const keysOf = (method: PlannedMethod) =>
    Object.fromEntries(method.fitRounds.map((round) => [round, roundKey(round, method, chunks)]));
  const rounds = Object.fromEntries(fitted.map((method) => [method.method, keysOf(method)]));
  const before = await resolvedBefore(base, plan.id);
  const refused = await changedFits(loaded, fits, before);
  const isRefused = ({ method }: PlannedMethod) => refused.some((refusal) => refusal.method === method);
  for (const { method } of fitted.filter(isRefused)) fits[method] = before?.[method] ?? fits[method]!;
  const resolved: ResolvedFits = {
    chunks: chunks.map(({ index, name }) => ({ index, name })),
    leftOut,
    fits,
    unusable,
    rounds,
  };
  await writeFileAtomic(join(base, resolvedFile(plan.id)), JSON.stringify(resolved));
  const missing: PlannedMethod[] = [];
  for (const method of fitted) {
    if (isRefused(method) || method.method in unusable) continue;
    if (!(await fitExists(base, fits[method.method]!))) missing.push(method);
  }
  return { rounds: await neededRounds(loaded, missing, chunks), refused };
}

function keptFitOf(loaded: LoadedPlan, method: PlannedMethod, current: string): Promise<KeptFit | null> {
  const { base, plan } = loaded;
  const chunks = async function* (): AsyncGenerator<PlannedChunk> {
    for (let index = 0; index < plan.datasetChunkCount; index++) yield await loadPlannedChunk(loaded, index);
  };
  return keptFit({ base, method, chunks: chunks(), chunkCount: plan.chunkCount, current });
}

/** The fit ids that this run decided on earlier: a rerun may ask again. */
async function resolvedBefore(base: string, planId: string): Promise<ResolvedFits['fits'] | null> {
  try {
    return (JSON.parse(await readFile(join(base, resolvedFile(planId)), 'utf8')) as ResolvedFits).fits;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw fromSystemError(error, join(base, resolvedFile(planId)));
  }
}

async function readFitChunks(
  loaded: LoadedPlan,
  fitted: readonly PlannedMethod[],
): Promise<{ chunks: FitChunk[]; leftOut: Fit['leftOut'][number][] }> {
  const { base, plan } = loaded;
  const chunks: FitChunk[] = [];
  const leftOut: Fit['leftOut'][number][] = [];
  for (const index of plan.fitChunks) {
    const chunk = await loadPlannedChunk(loaded, index);
    const scan = chunk.unreadable ? null : await readScan(base, plan.dataset, chunk.name);
    const reason = whyUnusable(chunk, scan, fitted);
    if (scan && reason === null) chunks.push({ index, name: chunk.name, scan });
    else leftOut.push({ name: chunk.name, reason: reason ?? UNREAD });
  }
  if (leftOut.length > plan.maxFailedChunks || chunks.length === 0) {
    const named = leftOut.slice(0, 3).map(({ name, reason }) => `${name}: ${reason}`);
    throw invalidInput(
      `Statistics need all ${plan.fitChunks.length} chunks of the fitted splits, but ${leftOut.length} cannot be used: ${named.join('; ')}`,
      'Repair or remove the chunk, or allow leaving it out with max_failed_chunks.',
    );
  }
  return { chunks, leftOut };
}

const UNREAD = 'its content could not be read (see the failures of this chunk)';

/** Why nothing can be fitted on a chunk, as far as its metadata and its scan tell; null where nothing speaks against it. */
export function whyUnusable(
  chunk: PlannedChunk,
  scan: ChunkScan | null,
  fitted: readonly PlannedMethod[],
): string | null {
  const refusal = chunk.unreadable ?? fitted.map(({ method }) => chunk.refused[method]).find((found) => found);
  const badNames = fitted.map((method) => scan?.geneNames?.[geneNamesOf(method)]).find((found) => found);
  return refusal?.message ?? scan?.noExpression?.message ?? badNames?.message ?? null;
}

/** Rounds in order, each once for all methods that share it. */
async function neededRounds(
  loaded: LoadedPlan,
  methods: readonly PlannedMethod[],
  chunks: readonly FitChunk[],
): Promise<NeededRound[]> {
  const rounds: NeededRound[] = [];
  for (const round of ['gene-statistics', 'gram'] as const) {
    const shared = new Map<string, NeededRound>();
    for (const method of methods.filter((candidate) => candidate.fitRounds.includes(round))) {
      const key = roundKey(round, method, chunks);
      const known = shared.get(key);
      if (known) known.methods.push(method.method);
      else {
        const folder = join(loaded.base, roundFolder(key));
        const accumulated = round === 'gene-statistics' && (await takeEarlySums(loaded, method, chunks, folder));
        shared.set(key, { round, methods: [method.method], chunks: chunks.length, accumulated });
      }
    }
    rounds.push(...shared.values());
  }
  return rounds;
}

/** What `resolveFits` decided; InvalidInput where it has not run for this plan. */
export async function readResolvedFits(base: string, planId: string): Promise<ResolvedFits> {
  const file = join(base, resolvedFile(planId));
  try {
    return JSON.parse(await readFile(file, 'utf8')) as ResolvedFits;
  } catch (error) {
    throw fromSystemError(error, file);
  }
}

/** The finished fit of a planned method. */
export async function fitOf({ base, plan }: LoadedPlan, method: PlannedMethod): Promise<Fit> {
  const { fits } = await readResolvedFits(base, plan.id);
  return loadFit(base, fits[method.method]!);
}
