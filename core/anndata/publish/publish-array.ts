import { join, resolve } from 'node:path';
import type { ChunkReference } from '../../dataset/types.js';
import { fromSystemError } from '../../errors.js';
import type { TaskContext } from '../../tasks/types.js';
import { arrayFiles } from '../obsm/array-record.js';
import { provenanceOf, readObsmNode } from '../obsm/obsm-array.js';
import { storeExists } from '../obsm/store-exists.js';
import type { StagedArrayPlace } from './attempt-claim.js';
import { withChunkLock } from './chunk-lock.js';
import { publishLockFile } from './places.js';
import { type Publication, publishSteps, targetStore } from './publish-steps.js';
import { repairOutput } from './repair-output.js';
import { claimSealed, hashSealed, notSealed } from './sealed-array.js';

export interface PublishRequest {
  /** Absolute base folder. */
  readonly base: string;
  readonly chunk: Pick<ChunkReference, 'output'>;
  /** Staging folder of the chunk, absolute or relative to the base. */
  readonly staging: string;
  /** "X_pca" */
  readonly key: string;
  /** Names this attempt and no other. */
  readonly attempt: string;
  readonly signature: string;
}

/**
 * Publishes a sealed array: hashes what is on disk, then, as the only publisher of the chunk, takes an older array out
 * and moves the new one in, so that at every moment a reader finds the old, the new, or no array. The first array of
 * a chunk makes the whole output store appear. Attempts may end at any point; the next one finishes what they began.
 * Returns the array's digest and its bytes on disk.
 * Errors: StoreUnavailable where another attempt took over or there is nothing sealed; InvalidInput where the output does not fit.
 */
export async function publishArray(
  request: PublishRequest,
  context: TaskContext,
): Promise<{ digest: string; bytes: number }> {
  try {
    const publication = await preparePublication(request, context);
    return await withChunkLock(publishLockFile(request.base, request.chunk.output), context, async (held) => {
      for (const step of publishSteps(publication)) {
        await held();
        await step.run();
      }
      return published(publication);
    });
  } catch (error) {
    throw fromSystemError(error, join(request.base, request.chunk.output));
  }
}

/** Claims and hashes the staged array: everything that needs no lock. */
export async function preparePublication(request: PublishRequest, context: TaskContext): Promise<Publication> {
  const { base, chunk, key, attempt, signature } = request;
  const staging = resolve(base, request.staging);
  const output = join(base, chunk.output);
  const place: StagedArrayPlace = { folder: staging, key, attempt, signature };
  const sealed = await claimSealed(place);
  const isStaged = sealed !== null && (await storeExists(sealed.array));
  const verify = `obsmith verify outputs ${chunk.output}`;
  const hashed = isStaged ? await hashSealed(sealed, place, verify, context) : null;
  return { base, output, staging, key, signature, sealed, hashed };
}

/** Relists and unlists arrays of a chunk's output after an interrupted run; see repairOutput. False where nothing had to be done. */
export async function repairChunk(base: string, output: string, context: TaskContext): Promise<boolean> {
  const store = join(base, output);
  if (!(await storeExists(store))) return false;
  return withChunkLock(publishLockFile(base, output), context, () => repairOutput(store));
}

async function published({ output, staging, key, signature }: Publication): Promise<{ digest: string; bytes: number }> {
  const node = readObsmNode(await targetStore({ output, staging }), key);
  const provenance = node !== null && node !== 'group' ? provenanceOf(node) : null;
  if (provenance?.signature !== signature) throw notSealed(key);
  const { bytes } = await arrayFiles(output, key);
  return { digest: String(provenance.digest), bytes };
}
