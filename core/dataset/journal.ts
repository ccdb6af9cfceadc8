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
  /** Error type and message where it failed. */
  readonly type?: string;
  readonly message?: string;
}

export type ChunkOutcome = Readonly<Record<string, MethodOutcome>>;

const journalFile = (planId: string, chunkName: string, wave: Wave): string =>
  join(journalFolder(planId), `${chunkName}.${wave}.json`);

/** Records a finished wave of a chunk; the journal holds what provenance must not: times, failures, who and when. */
export async function writeOutcome(
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
