import { startChild, workflowInfo } from '@temporalio/workflow';
import { MOST_REPORTS } from './batch-counts.js';
import { embedBatch } from './embed-batch.js';
import { stopMethodsSignal } from './messages.js';
import { stoppedEverywhere } from './method-scope.js';
import { OpenChildren } from './open-children.js';
import type { SharedWindow } from './shared-window.js';
import { isolate } from './siblings.js';
import type { BatchReport, MethodScope, PlanOverview, Wave, WaveMethod } from './types.js';
import { Window } from './window.js';

/** Chunks of one batch: about 3,300 events of history. */
const BATCH_CHUNKS = 500;
/** Two, so that the next batch fills the places which the last chunks of the one before leave open. */
const OPEN_BATCHES = 2;
/** Reports of all batches of a wave together: each is about three events in the history of the run. */
const WAVE_REPORTS = 400;
/** Runs up to this size report every finished method. */
const SMALL_RUN_CHUNKS = 100;

export interface PassOptions {
  readonly plan: PlanOverview;
  readonly wave: Wave;
  readonly window: SharedWindow;
  onBatch(report: BatchReport): void;
}

/** One way through all chunks with the methods of one wave, batch after batch. */
export class EmbedPass {
  readonly #options: PassOptions;
  readonly #batches = new OpenChildren();
  readonly #stopped: MethodScope[] = [];

  constructor(options: PassOptions) {
    this.#options = options;
  }

  /** Methods that were stopped on all chunks. */
  get stopped(): ReadonlySet<string> {
    return stoppedEverywhere(this.#stopped);
  }

  /** Stops methods where they are at work, and does not start them where they are not. */
  stop(scope: MethodScope): void {
    this.#stopped.push(scope);
    this.#batches.tell(stopMethodsSignal, scope);
  }

  /** A batch that is lost leaves the others alone: finalize finds that its chunks have no outcome and reports them. */
  async embed(methods: readonly WaveMethod[]): Promise<void> {
    const { plan, onBatch } = this.#options;
    const batches = methods.length === 0 ? 0 : Math.ceil(plan.chunkCount / BATCH_CHUNKS);
    await new Window(OPEN_BATCHES).forEach(Array(batches).keys(), async (batch) => {
      const wanted = methods.filter(({ method }) => !this.stopped.has(method));
      if (wanted.length === 0) return;
      await isolate(
        async () => onBatch(await this.#embedBatch(wanted, batch)),
        () => {},
      );
    });
  }

  async #embedBatch(methods: readonly WaveMethod[], batch: number): Promise<BatchReport> {
    const { plan, wave, window } = this.#options;
    const root = workflowInfo().workflowId;
    const from = batch * BATCH_CHUNKS;
    const to = Math.min(plan.chunkCount, from + BATCH_CHUNKS);
    const location = { base: plan.base, plan: plan.plan };
    const reportMethods = plan.chunkCount <= SMALL_RUN_CHUNKS;
    const reports = Math.min(MOST_REPORTS, Math.ceil(WAVE_REPORTS / Math.ceil(plan.chunkCount / BATCH_CHUNKS)));
    const share = window.join();
    try {
      return await this.#batches.execute(async () => {
        const { size, paused } = share;
        const child = await startChild(embedBatch, {
          workflowId: `${root}/${wave}/b${String(batch).padStart(3, '0')}`,
          args: [
            {
              ...{ location, wave, methods, from, to, window: size, paused, root, reports, reportMethods },
              stopped: this.#stopped,
            },
          ],
          staticSummary: `${methods.map(({ method }) => method).join(', ')} of chunks ${from} to ${to - 1}`,
        });
        window.started(share, child);
        return child;
      });
    } finally {
      window.leave(share);
    }
  }
}
