import { startChild, workflowInfo } from '@temporalio/workflow';
import { embedBatch } from './embed-batch.js';
import type { SharedWindow } from './shared-window.js';
import { isolate } from './siblings.js';
import type { BatchReport, PlanOverview, Wave, WaveMethod } from './types.js';
import { Window } from './window.js';

/** Chunks of one batch: about 1,700 events of history. */
const BATCH_CHUNKS = 500;
/** Two, so that the next batch fills the places which the last chunks of the one before leave open. */
const OPEN_BATCHES = 2;
/** Runs up to this size report every finished method. */
const SMALL_RUN_CHUNKS = 100;

export interface WaveRun {
  readonly plan: PlanOverview;
  readonly wave: Wave;
  readonly methods: readonly WaveMethod[];
  readonly window: SharedWindow;
  onBatch(report: BatchReport): void;
}

/** Embeds all chunks with the methods of one wave, batch after batch. A batch that is lost leaves the others alone. */
export async function embedWave(run: WaveRun): Promise<void> {
  const { chunkCount } = run.plan;
  const batches = run.methods.length === 0 ? 0 : Math.ceil(chunkCount / BATCH_CHUNKS);
  await new Window(OPEN_BATCHES).forEach(Array(batches).keys(), (batch) =>
    isolate(
      async () => run.onBatch(await runBatch(run, batch)),
      () => {}, // Finalize finds that its chunks have no outcome and reports them.
    ),
  );
}

async function runBatch({ plan, wave, methods, window }: WaveRun, batch: number): Promise<BatchReport> {
  const root = workflowInfo().workflowId;
  const from = batch * BATCH_CHUNKS;
  const to = Math.min(plan.chunkCount, from + BATCH_CHUNKS);
  const share = window.join();
  try {
    const location = { base: plan.base, plan: plan.plan };
    const { size, paused } = share;
    const reportMethods = plan.chunkCount <= SMALL_RUN_CHUNKS;
    const child = await startChild(embedBatch, {
      workflowId: `${root}/${wave}/b${String(batch).padStart(3, '0')}`,
      args: [{ location, wave, methods, from, to, window: size, paused, root, reportMethods }],
      staticSummary: `${methods.map(({ method }) => method).join(', ')} of chunks ${from} to ${to - 1}`,
    });
    window.started(share, child);
    return await child.result();
  } finally {
    window.leave(share);
  }
}
