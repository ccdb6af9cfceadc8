import { setHandler } from '@temporalio/workflow';
import { BatchRun } from './batch-run.js';
import { pauseSignal, resizeWindowSignal, restartMethodsSignal, resumeSignal, stopMethodsSignal } from './messages.js';
import type { BatchReport, EmbedBatchInput } from './types.js';

/** Chunks [from, to) of one wave, or reruns of some of them, a window of them open at once; tells the run how far it is. */
export async function embedBatch(input: EmbedBatchInput): Promise<BatchReport> {
  const run = new BatchRun(input);
  setHandler(resizeWindowSignal, (limit) => run.resize(limit));
  setHandler(pauseSignal, () => run.pause());
  setHandler(resumeSignal, () => run.resume());
  setHandler(stopMethodsSignal, (scope) => run.stop(scope));
  setHandler(restartMethodsSignal, (scope) => run.restart(scope));
  return run.embedAll();
}
