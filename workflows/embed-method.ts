import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import type { EmbedResult } from '../activities/types.js';
import { embedActivity } from './activity-options.js';
import type { PlanLocation, WaveMethod } from './types.js';

/**
 * Embeds one method of one chunk. Batches that do not fit into the memory of a device are halved, each time as an activity
 * of its own, so that the history tells the sizes; the next one goes on after the rows that are saved.
 */
export async function embedMethod(
  { method, queue }: WaveMethod,
  chunk: PlanLocation & { readonly chunk: number },
): Promise<EmbedResult> {
  for (let batchSize: number | null = null; ; ) {
    try {
      const input = { ...chunk, method, ...(batchSize === null ? {} : { batchSize }) };
      return await embedActivity(method, queue, batchSize)(input);
    } catch (error) {
      batchSize = smallerBatch(error);
      if (batchSize === null) throw error;
    }
  }
}

/** Half of the batch size that an attempt ran out of memory with; null for other errors, and where it was a single cell. */
function smallerBatch(error: unknown): number | null {
  const failure = error instanceof ActivityFailure ? error.cause : null;
  if (!(failure instanceof ApplicationFailure) || failure.type !== 'CudaOutOfMemory') return null;
  const { batchSize = 1 } = (failure.details?.[0] ?? {}) as { batchSize?: number };
  return batchSize > 1 ? Math.floor(batchSize / 2) : null;
}
