import { CancellationScope, isCancellation, setHandler } from '@temporalio/workflow';
import { light } from './activity-options.js';
import { ChunkRun } from './chunk-run.js';
import { pauseSignal, resumeSignal, stopMethodsSignal } from './messages.js';
import { ordersOn } from './method-orders.js';
import type { ChunkResult, EmbedChunkInput } from './types.js';

/**
 * One wave of one chunk: finds out what is to do, embeds the methods side by side and publishes their arrays one at a
 * time. A method that fails or is stopped leaves the others alone; the outcome is recorded also when the run is cancelled.
 */
export async function embedChunk(input: EmbedChunkInput): Promise<ChunkResult> {
  const run = new ChunkRun(input);
  setHandler(pauseSignal, () => run.pause());
  setHandler(resumeSignal, () => run.resume());
  setHandler(stopMethodsSignal, (scope) => run.stop(ordersOn([{ ...scope, order: 'stop' }], input.chunk).stopped));
  let cancellation: unknown;
  try {
    await run.embedAll();
  } catch (error) {
    if (!isCancellation(error)) throw error;
    cancellation = error;
  }
  const { location, chunk, wave, rerun } = input;
  const { name, outcome } = run.close();
  const [{ before, after }] = await CancellationScope.nonCancellable(() =>
    Promise.all([light.closeChunk({ ...location, chunk, wave, outcome }), run.reported()]),
  );
  if (cancellation) throw cancellation;
  return { wave, chunk, name, outcome: after, before: rerun ? before : null };
}
