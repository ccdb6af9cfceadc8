import { CancellationScope, isCancellation, setHandler } from '@temporalio/workflow';
import { light } from './activity-options.js';
import { ChunkRun } from './chunk-run.js';
import { pauseSignal, resumeSignal, stopMethodsSignal } from './messages.js';
import { stoppedOn } from './method-scope.js';
import type { ChunkReport, EmbedChunkInput } from './types.js';

/**
 * One wave of one chunk: finds out what is to do, embeds the methods side by side and publishes their arrays one at a
 * time. A method that fails or is stopped leaves the others alone; the outcome is recorded also when the run is cancelled.
 */
export async function embedChunk(input: EmbedChunkInput): Promise<ChunkReport> {
  const run = new ChunkRun(input);
  setHandler(pauseSignal, () => run.pause());
  setHandler(resumeSignal, () => run.resume());
  setHandler(stopMethodsSignal, (scope) => run.stop(stoppedOn([scope], input.chunk)));
  let cancellation: unknown;
  try {
    await run.embedAll();
  } catch (error) {
    if (!isCancellation(error)) throw error;
    cancellation = error;
  }
  const { location, chunk, wave } = input;
  const report = run.close();
  await CancellationScope.nonCancellable(() => light.closeChunk({ ...location, chunk, wave, outcome: report.outcome }));
  if (cancellation) throw cancellation;
  return report;
}
