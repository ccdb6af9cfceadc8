import { getExternalWorkflowHandle, startChild, workflowInfo } from '@temporalio/workflow';
import { light } from './activity-options.js';
import { BatchCounts } from './batch-counts.js';
import { ChunkQueue, type ChunkWork } from './chunk-queue.js';
import { embedChunk } from './embed-chunk.js';
import { summarizeError } from './failures.js';
import { pauseSignal, reportBatchSignal, resumeSignal, stopMethodsSignal } from './messages.js';
import { chunksWithin, ordersOn } from './method-orders.js';
import { OpenChildren } from './open-children.js';
import { isolate } from './siblings.js';
import type { BatchReport, EmbedBatchInput, MethodOrder, MethodScope } from './types.js';
import { Window } from './window.js';

/** State of one batch: chunks of one wave, and reruns of them. */
export class BatchRun {
  readonly #input: EmbedBatchInput;
  readonly #window: Window;
  readonly #queue: ChunkQueue;
  readonly #counts: BatchCounts;
  readonly #chunks = new OpenChildren<number>();
  readonly #orders: MethodOrder[];
  #reruns = 0;

  constructor(input: EmbedBatchInput) {
    const { from, to, rerun, root, wave } = input;
    this.#input = input;
    this.#window = new Window(input.window, input.paused);
    this.#counts = new BatchCounts(input, workflowInfo().workflowId.slice(`${root}/${wave}/`.length));
    this.#orders = [...input.orders];
    this.#queue = new ChunkQueue(rerun ? [] : chunksWithin({ methods: [], chunks: null }, from, to));
    if (rerun) this.#enqueue(rerun);
  }

  resize(limit: number): void {
    this.#window.resize(limit);
  }

  pause(): void {
    this.#window.pause();
    this.#chunks.tell(pauseSignal);
  }

  resume(): void {
    this.#window.resume();
    this.#chunks.tell(resumeSignal);
  }

  stop(scope: MethodScope): void {
    this.#orders.push({ ...scope, order: 'stop' });
    this.#chunks.tell(stopMethodsSignal, scope);
  }

  /**
   * Computes methods again on chunks that are through or at work; on the others the order is part of their first workflow.
   * A batch whose history has become long does not hear it: the run gives it to another batch then.
   */
  async restart(scope: MethodScope): Promise<void> {
    if (workflowInfo().continueAsNewSuggested) return;
    this.#orders.push({ ...scope, order: 'restart' });
    this.#counts.restartsHeard++;
    this.#enqueue(scope);
    await this.#report(this.#window.open);
  }

  async embedAll(): Promise<BatchReport> {
    await this.#window.drain(this.#queue, async (work) => {
      await this.#embed(work);
      this.#queue.closed(work.chunk);
      if (this.#counts.reportIsDue()) await this.#report(this.#window.open - 1);
    });
    return this.#counts.report(0);
  }

  #enqueue(scope: MethodScope): void {
    const { from, to } = this.#input;
    for (const chunk of chunksWithin(scope, from, to)) {
      if (this.#queue.restart(chunk, scope.methods)) this.#counts.addRerun();
    }
  }

  async #embed(work: ChunkWork): Promise<void> {
    await isolate(
      async () => {
        const result = await this.#chunks.execute(work.chunk, () => this.#start(work));
        this.#counts.add(result, work.rerun !== null);
      },
      (error) => this.#lose(work, error),
    );
  }

  #start({ chunk, rerun }: ChunkWork) {
    const { location, wave, root, reportMethods, prepareOnly } = this.#input;
    const methods = this.#input.methods.filter(({ method }) => rerun === null || rerun.includes(method));
    const { stopped, overwrite } = ordersOn(this.#orders, chunk);
    const id = `${workflowInfo().workflowId}/c${String(chunk).padStart(5, '0')}`;
    const again = rerun === null ? '' : ' again';
    return startChild(embedChunk, {
      workflowId: rerun === null ? id : `${id}/rerun-${++this.#reruns}`,
      args: [
        {
          ...{ location, wave, methods, chunk, reportTo: reportMethods ? root : null, rerun: rerun !== null },
          ...{ stopped: [...stopped], overwrite: [...overwrite] },
          ...(prepareOnly ? { prepareOnly } : {}),
        },
      ],
      staticSummary: `${methods.map(({ method }) => method).join(', ')} of chunk #${chunk}${again}`,
    });
  }

  /** A chunk whose workflow ended without an outcome, e.g. because somebody terminated it. */
  async #lose({ chunk, rerun }: ChunkWork, error: unknown): Promise<void> {
    const { location, wave } = this.#input;
    const failed = { ...{ state: 'failed' as const, cells: 0, seconds: 0 }, ...summarizeError(error) };
    const methods = rerun ?? this.#input.methods.map(({ method }) => method);
    const outcome = Object.fromEntries(methods.map((method) => [method, failed]));
    const { before, after } = await light.closeChunk({ ...location, chunk, wave, outcome });
    this.#counts.add({ wave, chunk, name: `#${chunk}`, before, outcome: after }, rerun !== null);
  }

  async #report(chunksRunning: number): Promise<void> {
    const report = this.#counts.report(chunksRunning);
    await isolate(
      () => getExternalWorkflowHandle(this.#input.root).signal(reportBatchSignal, report),
      () => {}, // The run may be gone; what the batch does is recorded all the same.
    );
  }
}
