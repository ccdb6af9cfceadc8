import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../anndata/zarr-write/atomic-file.js';
import { fromSystemError } from '../errors.js';
import type { Wave } from '../plan/types.js';
import { journalFolder } from './layout.js';

/** What became of one method on one chunk in one run. */
export interface MethodOutcome {
  readonly state: 'computed' | 'skipped' | 'failed' | 'cancelled';
  readonly cells: number;
  readonly seconds: number;
  /** Where it was computed: row blocks that the last attempt computed, and that it took over from attempts before it. */
  readonly blocksComputed?: number;
  readonly blocksResumed?: number;
  /** Where the chunk was prepared: whether that was done now or found, and how long it took. */
  readonly preparation?: { readonly computed: boolean; readonly seconds: number };
  /** What a person should look at although nothing failed. */
  readonly warning?: string;
  /** Error type and message where it failed. */
  readonly type?: string;
  readonly message?: string;
}

export type ChunkOutcome = Readonly<Record<string, MethodOutcome>>;

const journalFile = (planId: string, chunkName: string, wave: Wave): string =>
  join(journalFolder(planId), `${chunkName}.${wave}.json`);

/** What the journal said of a wave of a chunk, and what it says now. */
export interface OutcomeChange {
  /** Null where the wave had no outcome yet. */
  readonly before: ChunkOutcome | null;
  readonly after: ChunkOutcome;
}

/**
 * Records what became of methods of a wave on a chunk, and leaves what is known of its other methods. The journal holds
 * what provenance must not: times, failures, who and when. One writer at a time per wave of a chunk.
 */
export async function recordOutcome(
  base: string,
  planId: string,
  chunkName: string,
  wave: Wave,
  outcome: ChunkOutcome,
): Promise<OutcomeChange> {
  const before = await readOutcome(base, planId, chunkName, wave);
  const after = mergeOutcomes(before ?? {}, outcome);
  await writeOutcome(base, planId, chunkName, wave, after);
  return { before, after };
}

/** A rerun that was cancelled leaves the array that is there, and with it what is known of it. */
export function mergeOutcomes(before: ChunkOutcome, later: ChunkOutcome): ChunkOutcome {
  const merged: Record<string, MethodOutcome> = { ...before };
  for (const [method, outcome] of Object.entries(later)) {
    const known = before[method]?.state;
    const keeps = outcome.state === 'cancelled' && (known === 'computed' || known === 'skipped');
    if (!keeps) merged[method] = outcome;
  }
  return merged;
}

async function writeOutcome(
  base: string,
  planId: string,
  chunkName: string,
  wave: Wave,
  outcome: ChunkOutcome,
): Promise<void> {
  const file = join(base, journalFile(planId, chunkName, wave));
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFileAtomic(file, JSON.stringify({ finished: new Date().toISOString(), methods: outcome }));
  } catch (error) {
    throw fromSystemError(error, file);
  }
}

/** The recorded outcome, or null where the wave never finished on this chunk. */
export async function readOutcome(
  base: string,
  planId: string,
  chunkName: string,
  wave: Wave,
): Promise<ChunkOutcome | null> {
  const file = join(base, journalFile(planId, chunkName, wave));
  try {
    return (JSON.parse(await readFile(file, 'utf8')) as { methods: ChunkOutcome }).methods;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw fromSystemError(error, file);
  }
}
