import { CancellationScope, isCancellation } from '@temporalio/workflow';
import { light } from './activity-options.js';
import { ChunkRun } from './chunk-run.js';
import type { ChunkReport, EmbedChunkInput } from './types.js';

/**
 * One wave of one chunk: finds out what is to do, embeds the methods side by side and publishes their arrays one at a
 * time. A method that fails leaves the others alone; the outcome is recorded also when the run is cancelled.
 */
export async function embedChunk(input: EmbedChunkInput): Promise<ChunkReport> {
  const run = new ChunkRun(input);
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
