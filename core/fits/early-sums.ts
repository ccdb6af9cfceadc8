import { mkdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { earlySumsFile } from '../dataset/layout.js';
import type { ChunkScan } from '../dataset/types.js';
import { fromSystemError } from '../errors.js';
import { sha256OfJson } from '../methods/canonical-json.js';
import type { LoadedPlan } from '../plan/load-plan.js';
import type { PlannedMethod } from '../plan/types.js';
import { statisticsKey } from './identity.js';
import type { FitChunk } from './resolve-fits.js';
import { isDone, partialFile } from './round-files.js';

/** Where the scan of a chunk leaves the gene statistics that it summed on its way. The fingerprint says that the files are still those which were summed. */
export function earlySums({ base, plan }: LoadedPlan, method: PlannedMethod, scan: ChunkScan): string {
  const key = sha256OfJson({ chunk: scan.name, fingerprint: scan.fingerprint, statistics: statisticsKey(method) });
  return join(base, earlySumsFile(plan.dataset, plan.id, key));
}

/**
 * Makes the sums of scans the partials of a round, which lies in `folder`. True where all chunks have their partial now, or are
 * part of a merged one: then there is nothing left to accumulate.
 */
export async function takeEarlySums(
  loaded: LoadedPlan,
  method: PlannedMethod,
  chunks: readonly FitChunk[],
  folder: string,
): Promise<boolean> {
  await makeFolder(dirname(partialFile(folder, { level: 0, index: 0 })));
  let areAllThere = true;
  for (const [index, { scan }] of chunks.entries()) {
    const place = { level: 0, index };
    const isThere =
      (await isDone(folder, place, chunks.length)) ||
      (await moveIfThere(earlySums(loaded, method, scan), partialFile(folder, place)));
    areAllThere &&= isThere;
  }
  return areAllThere;
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw fromSystemError(error, path);
  }
}

async function moveIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw fromSystemError(error, to);
  }
}
