import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../anndata/zarr-write/atomic-file.js';
import { journalFolder } from '../dataset/layout.js';
import { fromSystemError, isObsmithError, ObsmithError } from '../errors.js';
import type { PlannedMethod } from '../plan/types.js';

/** Where a run remembers how many cells per batch fit. */
export interface BatchLimitPlace {
  readonly base: string;
  readonly plan: string;
}

/**
 * Runs an embedding with batches of at most as many cells as were asked for, planned, and found to fit by any chunk of
 * this run. Where that is still too much for the device's memory, half of it is remembered for the rest of the run, and
 * the error tells the size that failed: whoever started the attempt starts another one with half. Rows that were saved
 * stay. The size of batches is no part of provenance and changes no byte on a CPU.
 */
export async function withinBatchLimit<Result>(
  place: BatchLimitPlace,
  method: PlannedMethod,
  asked: number | undefined,
  embed: (method: PlannedMethod) => Promise<Result>,
): Promise<Result & { readonly batchSize: number }> {
  const file = limitFile(place, method.method);
  const batchSize = Math.min(method.batchSize, asked ?? method.batchSize, await readLimit(file));
  try {
    return { ...(await embed({ ...method, batchSize })), batchSize };
  } catch (error) {
    if (!isObsmithError(error) || error.type !== 'CudaOutOfMemory') throw error;
    // A budget of tokens may have made batches smaller than they might be: what ran is what did not fit.
    const failed = Math.min(error.batchSize ?? batchSize, batchSize);
    if (failed > 1) await writeLimit(file, Math.floor(failed / 2));
    throw tooLarge(error, failed);
  }
}

/** The file holds the largest number of cells per batch that is still tried. */
const limitFile = ({ base, plan }: BatchLimitPlace, method: string): string =>
  join(base, journalFolder(plan), 'batch-size', `${method}.json`);

async function readLimit(file: string): Promise<number> {
  try {
    return (JSON.parse(await readFile(file, 'utf8')) as { batchSize: number }).batchSize;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Infinity;
    throw fromSystemError(error, file);
  }
}

/** Two chunks may find it out at once: both write a size that is smaller than what failed. */
async function writeLimit(file: string, batchSize: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFileAtomic(file, JSON.stringify({ batchSize }));
}

function tooLarge({ message, remedy, cause }: ObsmithError, batchSize: number): ObsmithError {
  const what = ['the model itself', 'a single cell'][batchSize] ?? `batches of ${batchSize} cells`;
  return new ObsmithError({
    type: 'CudaOutOfMemory',
    message: `${message.replace(/\.?$/, '')} (${what})`,
    remedy:
      batchSize <= 1
        ? 'A smaller batch cannot help: end what else uses the device (nvidia-smi lists it), take a device with more memory or a smaller model, or run it on the CPU (--device cpu).'
        : remedy,
    batchSize,
    cause,
  });
}
