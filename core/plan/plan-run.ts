import { randomBytes } from 'node:crypto';
import { mkdir, rename, statfs, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { checkSameFileSystem } from '../anndata/publish/same-file-system.js';
import { ensureBaseId } from '../dataset/base-folder.js';
import { planFolder, runLogFolder } from '../dataset/layout.js';
import { fromSystemError, ObsmithError } from '../errors.js';
import { type Estimate, estimate, type PendingChunk } from './estimate.js';
import { existingArrays } from './existing-arrays.js';
import { type GatheredPlan, gatherPlan } from './gather.js';
import { shardName } from './load-plan.js';
import { isPrepareOnly } from './prepare-only.js';
import {
  CHUNKS_PER_SHARD,
  type Plan,
  type PlannedChunk,
  type PlannedMethod,
  type PlannedRun,
  type PlanOverview,
  type RunIdentity,
  type RunRequest,
  waveOf,
} from './types.js';

/** Free bytes of the file system that holds a folder. */
export type FreeSpace = (folder: string) => Promise<number>;

export const freeSpace: FreeSpace = async (folder) => {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
};

/**
 * Plans a run and freezes it into `.obsmith/plans/<id>/`: from here on nothing reads the YAML again.
 * Refuses before any work: bad configuration, no chunks, unavailable models, too little free space, outputs on another file system.
 */
export async function planRun(
  request: RunRequest,
  folder: string,
  run: RunIdentity | null = null,
  free: FreeSpace = freeSpace,
): Promise<PlanOverview> {
  const gathered = await gatherPlan(request, folder, process.env, true);
  const { config } = gathered;
  const baseId = await ensureBaseId(config.base);
  await checkSameFileSystem(config.base, config.output_folder);
  const pending = await pendingChunks(gathered);
  await refuseTooLittleSpace(config.base, estimate(pending, availableParallelism(), isPrepareOnly(request)), free);
  const plan = planOf(gathered, request, baseId, run && { ...run, logs: logFolder(run, folder) });
  await writePlan(config.base, plan, gathered);
  return { ...overviewOf(config.base, plan), ...copyAhead(plan, pending) };
}

/** WORKFLOW_DIR of the planning worker, as in the scripts of adata_hf_datasets, else a folder below `.obsmith/`. */
function logFolder({ workflowId, runId }: RunIdentity, folder: string): string {
  const { WORKFLOW_DIR: given } = process.env;
  return given ? resolve(folder, given) : runLogFolder(workflowId, runId);
}

/** What the chunks still lack, by a quick look at their outputs. */
async function pendingChunks({ config, methods, chunks, chunkCount }: GatheredPlan): Promise<PendingChunk[]> {
  const pending: PendingChunk[] = [];
  for (const chunk of chunks.slice(0, chunkCount)) {
    const there = await existingArrays(join(config.base, chunk.output));
    const lacking = methods.filter(({ method, overwrite }) => overwrite || !there?.has(`X_${method}`));
    pending.push({ chunk, methods: lacking, copiesInput: there === null });
  }
  return pending;
}

/** The chunks that are opened first once fits are there, from the first one without an output on. */
function copyAhead(
  { methods, prepareOnly, maxOpenChunks }: Plan,
  pending: readonly PendingChunk[],
): Pick<PlanOverview, 'copyAhead'> {
  if (prepareOnly || methods.some((method) => waveOf(method) === 'unfitted')) return {};
  const from = pending.findIndex(({ chunk, copiesInput }) => copiesInput && isRunnable(chunk, methods));
  return from < 0 ? {} : { copyAhead: { from, to: Math.min(pending.length, from + maxOpenChunks) } };
}

const isRunnable = ({ unreadable, refused }: PlannedChunk, methods: readonly PlannedMethod[]): boolean =>
  unreadable === null && methods.some(({ method }) => !(method in refused));

async function refuseTooLittleSpace(
  base: string,
  { outputBytes, stagingBytes }: Estimate,
  free: FreeSpace,
): Promise<void> {
  const available = await free(base).catch((error: unknown) => {
    throw fromSystemError(error, base);
  });
  const bytes = outputBytes + stagingBytes;
  if (available >= bytes) return;
  throw new ObsmithError({
    type: 'InsufficientSpace',
    message: `The run needs about ${gigabytes(bytes)} below ${base}, but only ${gigabytes(available)} are free`,
    remedy: 'Free space, or embed fewer methods or chunks at once (--methods, --chunk).',
  });
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;

function planOf(
  { config, methods, chunks, chunkCount, fitChunks, unavailable }: GatheredPlan,
  request: RunRequest,
  baseId: string,
  run: PlannedRun | null,
): Plan {
  const selected = chunks.slice(0, chunkCount);
  return {
    id: `${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}-${randomBytes(3).toString('hex')}`,
    dataset: config.dataset.name,
    baseId,
    outputRoot: config.output_folder,
    methods,
    chunkCount,
    cells: selected.reduce((sum, chunk) => sum + chunk.cells, 0),
    datasetChunkCount: chunks.length,
    fitChunks,
    maxFailedChunks: config.max_failed_chunks,
    maxOpenChunks: config.max_open_chunks,
    onStale: config.on_stale,
    adoptExisting: config.adopt_existing,
    requiredObsmKeys: config.required_obsm_keys,
    skippedMethods: unavailable.map(({ method }) => method),
    prepareOnly: isPrepareOnly(request),
    run,
    request,
  };
}

async function writePlan(base: string, plan: Plan, { config, chunks }: GatheredPlan): Promise<void> {
  const target = join(base, planFolder(plan.id));
  const partial = `${target}.partial`;
  try {
    await mkdir(partial, { recursive: true });
    await writeFile(join(partial, 'config.yaml'), stringify(config));
    for (let shard = 0; shard * CHUNKS_PER_SHARD < chunks.length; shard++) {
      const part = chunks.slice(shard * CHUNKS_PER_SHARD, (shard + 1) * CHUNKS_PER_SHARD);
      await writeFile(join(partial, shardName(shard)), JSON.stringify(part));
    }
    await writeFile(join(partial, 'plan.json'), JSON.stringify(plan, null, 2));
    await rename(partial, target);
  } catch (error) {
    throw fromSystemError(error, target);
  }
}

function overviewOf(base: string, plan: Plan): PlanOverview {
  return {
    base,
    plan: plan.id,
    dataset: plan.dataset,
    chunkCount: plan.chunkCount,
    cells: plan.cells,
    maxOpenChunks: plan.maxOpenChunks,
    methods: plan.methods.map(({ method, queue, fitRounds, tokens }) => ({
      ...{ method, queue, fitted: fitRounds.length > 0 },
      ...(tokens ? { prepared: true } : {}),
    })),
    ...(plan.prepareOnly ? { prepareOnly: true } : {}),
    fitChunkCount: plan.fitChunks.length,
    logs: plan.run && resolve(base, plan.run.logs),
  };
}
