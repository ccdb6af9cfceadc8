import { startChild, workflowInfo } from '@temporalio/workflow';
import { MOST_REPORTS } from './batch-counts.js';
import { BatchQueue, type BatchWork, type CarriedQueue } from './batch-queue.js';
import { embedBatch } from './embed-batch.js';
import { restartMethodsSignal, stopMethodsSignal } from './messages.js';
import { narrow, stoppedElsewhere, stoppedWithin } from './method-orders.js';
import { OpenChildren } from './open-children.js';
import type { SharedWindow } from './shared-window.js';
import { isolate } from './siblings.js';
import type { BatchReport, MethodOrder, MethodScope, PlanOverview, Wave, WaveMethod } from './types.js';
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
  /** Where the run goes on in a new workflow run: what the one before knew. */
  readonly carried?: CarriedPass | undefined;
}

/** A pass between two runs of its workflow: no batch is open. */
export interface CarriedPass {
  readonly methods: readonly string[] | null;
  readonly orders: readonly MethodOrder[];
  readonly queue: CarriedQueue;
}

/** Chunks [from, to) of a batch. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** A batch at work: what its workflow runs, and the restarts that it was told of. */
interface OpenBatch {
  readonly methods: readonly string[];
  readonly restarts: MethodScope[];
}

/** The chunks of one wave, batch after batch, and reruns of them. */
export class EmbedPass {
  readonly #options: PassOptions;
  readonly #queue: BatchQueue;
  readonly #batches = new OpenChildren<number>();
  readonly #open = new Map<number, OpenBatch>();
  readonly #orders: MethodOrder[];
  /** Null until the wave begins. */
  #methods: readonly string[] | null;

  constructor(options: PassOptions) {
    const { carried } = options;
    this.#options = options;
    this.#queue = new BatchQueue(BATCH_CHUNKS, carried?.queue);
    this.#orders = [...(carried?.orders ?? [])];
    this.#methods = carried?.methods ?? null;
  }

  carry(): CarriedPass {
    return { methods: this.#methods, orders: this.#orders, queue: this.#queue.carry() };
  }

  /** Methods that were stopped, and restarted on named chunks at most. */
  get stopped(): ReadonlySet<string> {
    return stoppedElsewhere(this.#orders);
  }

  get isOpen(): boolean {
    return this.#queue.isOpen;
  }

  get isIdle(): boolean {
    return this.#queue.isIdle;
  }

  get isOnFirstWay(): boolean {
    return this.#queue.isOnFirstWay;
  }

  /** Chunks of reruns that no batch reports yet. */
  get waitingReruns(): number {
    return this.#queue.waitingReruns(this.#options.plan.chunkCount);
  }

  /** From here on `serve` has the chunks of the wave to do with these methods. */
  begin(methods: readonly string[]): void {
    this.#methods = methods;
    this.#queue.begin(methods.length === 0 ? 0 : Math.ceil(this.#options.plan.chunkCount / BATCH_CHUNKS));
  }

  /** Stops methods where they are at work, and does not start them where they are not. */
  stop(scope: MethodScope): void {
    this.#orders.push({ ...scope, order: 'stop' });
    this.#batches.tell(stopMethodsSignal, scope);
  }

  /**
   * Computes methods again, also where they were stopped. Batches that are to come take it as an order, a batch that is
   * open is told, for those that are through there are new workflows.
   */
  restart(scope: MethodScope): void {
    this.#orders.push({ ...scope, order: 'restart' });
    const { chunkCount } = this.#options.plan;
    for (let batch = 0; batch * BATCH_CHUNKS < chunkCount; batch++) {
      const { from, to } = this.#range(batch);
      const part = narrow(scope, from, to);
      if (part) this.#restartIn(batch, part);
    }
  }

  /**
   * Works until `isOver`; begins no batch while `isHeld`. A batch that is lost leaves the others alone: finalize reports
   * chunks without an outcome.
   */
  async serve(isOver: () => boolean, isHeld: () => boolean): Promise<void> {
    const { onBatch } = this.#options;
    const source = { hasNext: () => this.#queue.hasNext() && !isHeld(), next: () => this.#queue.next() };
    const work = async (item: BatchWork): Promise<void> => {
      let report: BatchReport | null = null;
      await isolate(
        async () => {
          report = await this.#embedBatch(item);
        },
        () => {},
      );
      this.#close(item, report);
      if (report) onBatch(report);
    };
    await new Window(OPEN_BATCHES).drain(source, work, isOver);
  }

  #restartIn(batch: number, scope: MethodScope): void {
    const toCome = this.#queue.isToCome(batch);
    const inFirst = (method: string): boolean => toCome && (this.#methods?.includes(method) ?? true);
    const methods = scope.methods.filter((method) => !inFirst(method));
    if (methods.length === 0) return;
    const part = { ...scope, methods };
    const open = this.#open.get(batch);
    if (open && methods.every((method) => open.methods.includes(method))) {
      open.restarts.push(part);
      this.#batches.tellOne(batch, restartMethodsSignal, part);
    } else this.#queue.addRerun(batch, part);
  }

  /** Restarts that a batch did not hear of because it was ending are done by another workflow. */
  #close(item: BatchWork, report: BatchReport | null): void {
    const { restarts } = this.#open.get(item.batch) ?? { restarts: [] };
    this.#open.delete(item.batch);
    this.#queue.closed(item);
    for (const scope of restarts.slice(report?.restartsHeard ?? 0)) this.#queue.addRerun(item.batch, scope);
  }

  async #embedBatch({ batch, rerun, number }: BatchWork): Promise<BatchReport | null> {
    const { plan, wave, window } = this.#options;
    const { from, to } = this.#range(batch);
    const stopped = rerun ? new Set() : stoppedWithin(this.#orders, from, to);
    const names = (rerun?.methods ?? this.#methods ?? []).filter((method) => !stopped.has(method));
    if (names.length === 0) return null;
    this.#open.set(batch, { methods: names, restarts: [] });
    const root = workflowInfo().workflowId;
    const id = `${root}/${wave}/b${String(batch).padStart(3, '0')}`;
    const methods: WaveMethod[] = plan.methods.filter(({ method }) => names.includes(method));
    const location = { base: plan.base, plan: plan.plan };
    const some = rerun?.chunks ? `${rerun.chunks.length} of ` : '';
    const reportMethods = plan.chunkCount <= SMALL_RUN_CHUNKS;
    const reports = Math.min(MOST_REPORTS, Math.ceil(WAVE_REPORTS / Math.ceil(plan.chunkCount / BATCH_CHUNKS)));
    const share = window.join();
    try {
      return await this.#batches.execute(batch, async () => {
        const { size, paused } = share;
        const child = await startChild(embedBatch, {
          workflowId: rerun ? `${id}/rerun-${number}` : id,
          args: [
            {
              ...{ location, wave, methods, from, to, window: size, paused, root, reports, reportMethods, rerun },
              ...(plan.prepareOnly ? { prepareOnly: true } : {}),
              orders: this.#orders.flatMap((order) => narrow(order, from, to) ?? []),
            },
          ],
          staticSummary: `${names.join(', ')} of ${some}chunks ${from} to ${to - 1}${rerun ? ' again' : ''}`,
        });
        window.started(share, child);
        return child;
      });
    } finally {
      window.leave(share);
    }
  }

  #range(batch: number): Range {
    const from = batch * BATCH_CHUNKS;
    return { from, to: Math.min(this.#options.plan.chunkCount, from + BATCH_CHUNKS) };
  }
}
