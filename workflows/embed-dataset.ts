import { CancellationScope, continueAsNew, isCancellation, setHandler } from '@temporalio/workflow';
import { type CarriedRun, DatasetRun } from './dataset-run.js';
import { unwrapFailure } from './failures.js';
import { progressQuery, reportBatchSignal, reportChunkSignal, waitingForSignal } from './messages.js';
import { RunControl } from './run-control.js';
import { acceptSteering } from './steering.js';
import type { RunRequest, RunTotals } from './types.js';

/**
 * Embeds a data set as its configuration says. Input is one object, e.g. `{ "config": "conf/dataset_pbmc.yaml" }`.
 * Completed and partial runs return their totals; failed ones fail with type `RunFailed` and the totals as details;
 * cancelled ones end cancelled after what they did was recorded. `carried` is set by a run that goes on as a new
 * workflow run, since its history has become long.
 */
export async function embedDataset(request: RunRequest, carried?: CarriedRun): Promise<RunTotals> {
  const run = new DatasetRun(request, carried);
  setHandler(progressQuery, () => run.progress.answer(Date.now()), {
    description: 'Chunks, cells and methods done, rate, failures',
  });
  setHandler(reportBatchSignal, (report) => run.addBatch(report), { description: 'From batches of this run' });
  setHandler(reportChunkSignal, (report) => run.addChunk(report), { description: 'From chunks of this run' });
  setHandler(waitingForSignal, (workers) => run.setWaitingFor(workers), { description: 'From the watch of this run' });
  acceptSteering(new RunControl(run));

  try {
    if (!carried) await run.prepare();
  } catch (error) {
    throw isCancellation(error) ? error : unwrapFailure(error);
  }
  let cancellation: unknown = null;
  let isDone = true;
  try {
    isDone = await run.embed();
  } catch (error) {
    if (!isCancellation(error)) throw unwrapFailure(error);
    cancellation = error;
  }
  if (!isDone) await continueAsNew<typeof embedDataset>(request, run.carry());
  return CancellationScope.nonCancellable(() => run.finish(cancellation));
}
