import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { planFolder } from '../dataset/layout.js';
import { fromSystemError, invalidInput, ObsmithError } from '../errors.js';
import type { PlanLocation } from '../tasks/definitions.js';
import { CHUNKS_PER_SHARD, type Plan, type PlannedChunk, type PlannedMethod } from './types.js';

/** A plan as this worker sees it: `base` is where this machine mounts the data set's base folder. */
export interface LoadedPlan {
  readonly base: string;
  readonly plan: Plan;
}

const plans = new Map<string, LoadedPlan>();
const shards = new Map<string, PlannedChunk[]>();
/** Plans are immutable, so a long-lived thread keeps those it worked on last. */
const KEPT = 8;

/**
 * Reads an immutable plan. The base folder is the one that planning saw, or else the worker's own BASE_FILE_PATH.
 * StoreUnavailable where neither shows the plan with the right `.obsmith/id`: it may be a mount that is not there yet.
 */
export async function loadPlan({ base, plan: id }: PlanLocation): Promise<LoadedPlan> {
  const known = plans.get(id);
  if (known) return known;
  const mine = process.env.BASE_FILE_PATH;
  const candidates = mine && mine !== base ? [base, mine] : [base];
  for (const candidate of candidates) {
    const loaded = await tryLoad(candidate, id);
    if (loaded) return keep(plans, id, loaded);
  }
  throw new ObsmithError({
    type: 'StoreUnavailable',
    message: `Plan ${id} is not visible on this worker below ${candidates.join(' or ')}`,
    remedy: 'Mount the base folder on this worker, or set BASE_FILE_PATH to where it is mounted.',
  });
}

async function tryLoad(base: string, id: string): Promise<LoadedPlan | null> {
  try {
    const plan = JSON.parse(await readFile(join(base, planFolder(id), 'plan.json'), 'utf8')) as Plan;
    const baseId = (await readFile(join(base, '.obsmith', 'id'), 'utf8')).trim();
    return baseId === plan.baseId ? { base, plan } : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw fromSystemError(error, join(base, planFolder(id)));
  }
}

/** One chunk of the plan, from its shard. */
export async function loadPlannedChunk({ base, plan }: LoadedPlan, index: number): Promise<PlannedChunk> {
  const shard = Math.floor(index / CHUNKS_PER_SHARD);
  const key = `${plan.id}/${shard}`;
  const chunks = shards.get(key) ?? keep(shards, key, await readShard(base, plan.id, shard));
  const chunk = chunks[index - shard * CHUNKS_PER_SHARD];
  if (!chunk)
    throw invalidInput(
      `Plan ${plan.id} has no chunk ${index} (it has ${plan.datasetChunkCount})`,
      'Start the run again.',
    );
  return chunk;
}

async function readShard(base: string, planId: string, shard: number): Promise<PlannedChunk[]> {
  const file = join(base, planFolder(planId), shardName(shard));
  try {
    return JSON.parse(await readFile(file, 'utf8')) as PlannedChunk[];
  } catch (error) {
    throw fromSystemError(error, file);
  }
}

export const shardName = (shard: number): string => `chunks-${String(shard).padStart(4, '0')}.json`;

export function plannedMethod(plan: Plan, name: string): PlannedMethod {
  const method = plan.methods.find((candidate) => candidate.method === name);
  if (!method)
    throw invalidInput(
      `Plan ${plan.id} has no method ${name}`,
      `It has ${plan.methods.map((m) => m.method).join(', ')}.`,
    );
  return method;
}

function keep<T>(cache: Map<string, T>, key: string, value: T): T {
  cache.set(key, value);
  if (cache.size > KEPT) cache.delete(cache.keys().next().value!);
  return value;
}
