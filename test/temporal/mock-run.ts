import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { type NativeConnection, Worker } from '@temporalio/worker';
import type { CpuActivities, LightActivities, PlanResult } from '../../activities/types.js';
import { mergeOutcomes } from '../../core/dataset/journal.js';
import type { NeededRound } from '../../core/fits/resolve-fits.js';
import { built } from '../../core/package-root.js';
import { queueNames } from '../../server/queues.js';
import type { ChunkOutcome, RunTotals, Wave } from '../../workflows/types.js';

export interface MockPlan {
  readonly chunks: number;
  readonly maxOpenChunks?: number;
  readonly methods: PlanResult['methods'];
  readonly fitChunks?: number;
  readonly rounds?: readonly NeededRound[];
  readonly searchAttributes?: boolean;
  readonly prepareOnly?: boolean;
  readonly copyAhead?: PlanResult['copyAhead'];
}

type Hook = (call: string) => void | Promise<void>;

/** Plays all activities of a run in memory. `on` is called with every activity, e.g. "embed pca 3", and may throw or wait. */
export class MockRun {
  readonly calls: string[] = [];
  readonly journal = new Map<string, ChunkOutcome>();
  leaseHeld = false;
  openNow = 0;
  openMost = 0;
  publishingNow = new Map<number, number>();
  publishingMost = 0;
  readonly #plan: MockPlan;
  readonly #on: Hook;

  constructor(plan: MockPlan, on: Hook = () => {}) {
    this.#plan = plan;
    this.#on = on;
  }

  count(prefix: string): number {
    return this.calls.filter((call) => call.startsWith(prefix)).length;
  }

  readonly #call = async (call: string): Promise<void> => {
    this.calls.push(call);
    await this.#on(call);
  };

  readonly light: LightActivities = {
    planRun: async () => {
      await this.#call('plan');
      const { chunks, methods, fitChunks = 0, maxOpenChunks = 64, searchAttributes = true } = this.#plan;
      return {
        ...{ base: '/base', plan: 'plan', dataset: 'pbmc', chunkCount: chunks, cells: 10 * chunks },
        ...{ maxOpenChunks, methods, fitChunkCount: fitChunks, searchAttributes },
        ...(this.#plan.prepareOnly ? { prepareOnly: true } : {}),
        ...(this.#plan.copyAhead ? { copyAhead: this.#plan.copyAhead } : {}),
      };
    },
    acquireLease: async () => {
      await this.#call('acquireLease');
      this.leaseHeld = true;
    },
    holdLease: async () => {
      await this.#call('holdLease');
      await untilCancelled().finally(() => {
        // A run that goes on as a new one leaves its lease to it.
        if (Context.current().cancellationDetails?.cancelRequested) this.leaseHeld = false;
      });
    },
    watchQueues: () => untilCancelled(),
    endCompanions: async () => {},
    resolveFits: async () => {
      await this.#call('resolveFits');
      return { rounds: [...(this.#plan.rounds ?? [])], refused: [] };
    },
    publishArray: async ({ chunk, method, attempt }) => {
      const now = (this.publishingNow.get(chunk) ?? 0) + 1;
      this.publishingNow.set(chunk, now);
      this.publishingMost = Math.max(this.publishingMost, now);
      try {
        await this.#call(`publish ${method} ${chunk} ${attempt}`);
      } finally {
        this.publishingNow.set(chunk, now - 1);
      }
      return { digest: 'd', bytes: 1 };
    },
    findChunks: async ({ chunks }) => {
      await this.#call(`findChunks ${chunks.join()}`);
      return { indexes: chunks.map((name) => this.#indexOf(name)) };
    },
    discardStaged: ({ chunk, method }) => this.#call(`discard ${method} ${chunk}`),
    closeChunk: async ({ chunk, wave, outcome }) => {
      await this.#call(`close ${chunk} ${wave}`);
      this.openNow--;
      const before = this.journal.get(`${chunk} ${wave}`) ?? null;
      const after = mergeOutcomes(before ?? {}, outcome);
      this.journal.set(`${chunk} ${wave}`, after);
      return { before, after };
    },
    finalizeRun: async ({ cancelled, fitFailures, cancelledMethods = [] }) => {
      await this.#call(`finalize cancelled=${cancelled} lease=${this.leaseHeld}`);
      return this.#outcome(cancelled, fitFailures, cancelledMethods);
    },
  };

  readonly cpu: CpuActivities = {
    openChunk: async ({ chunk, methods, overwrite = [] }) => {
      this.openNow++;
      this.openMost = Math.max(this.openMost, this.openNow);
      const again = methods.filter((method) => overwrite.includes(method));
      await this.#call(`open ${chunk} ${methods.join()}${again.length > 0 ? ` again ${again.join()}` : ''}`);
      return {
        name: `train/chunk_${chunk}`,
        cells: 10,
        todo: [...methods],
        skipped: [],
        refused: [],
        needsInput: true,
      };
    },
    scanFitChunk: ({ position }) => this.#call(`scan ${position}`),
    accumulateRound: ({ round, method, position }) => this.#call(`accumulate ${round} ${method} ${position}`),
    mergeRound: ({ round, level, index }) => this.#call(`merge ${round} ${level} ${index}`),
    solveRound: ({ round, method }) => this.#call(`solve ${round} ${method}`),
    stageInput: ({ chunk }) => this.#call(`stage ${chunk}`),
    prepareChunk: async ({ method, chunk }) => {
      await this.#call(`prepare ${method} ${chunk}`);
      return { cells: 10, seconds: 0.25, computed: true };
    },
    embedMethod: async ({ method, chunk }) => {
      const { activityId, attempt } = Context.current().info;
      await this.#call(`embed ${method} ${chunk}`);
      return { attempt: `${activityId}-${attempt}`, cells: 10, seconds: 0.5, blocksComputed: 1, blocksResumed: 0 };
    },
  };

  #indexOf(name: string): number {
    const index = Number.parseInt(name.replace('train/chunk_', ''), 10);
    if (index < this.#plan.chunks) return index;
    throw invalidInput(`This run has no chunk "${name}". Valid are train/chunk_0.`);
  }

  #outcome(
    cancelled: boolean,
    fitFailures: Readonly<Record<string, { type: string; message: string }>>,
    cancelledMethods: readonly string[],
  ): Omit<RunTotals, 'base' | 'plan' | 'seconds'> {
    const outcomes = [...this.journal].flatMap(([key, outcome]) =>
      Object.entries(outcome).map(([method, result]) => ({ chunk: Number.parseInt(key, 10), method, ...result })),
    );
    const failures = outcomes
      .filter(({ state }) => state === 'failed')
      .map(({ chunk, method, type = '', message = '' }) => ({ chunk: `train/chunk_${chunk}`, method, type, message }));
    const failed =
      Object.keys(fitFailures).length > 0 ? this.#plan.chunks : new Set(failures.map(({ chunk }) => chunk)).size;
    const methods = Object.fromEntries(
      this.#plan.methods.map(({ method }) => {
        const own = outcomes.filter((outcome) => outcome.method === method);
        const count = (state: string): number => own.filter((outcome) => outcome.state === state).length;
        const totals = {
          computed: count('computed'),
          skipped: count('skipped'),
          failed: count('failed'),
          cancelled: count('cancelled') + (cancelledMethods.includes(method) ? this.#plan.chunks - own.length : 0),
        };
        return [method, { ...totals, seconds: 0, cells: 10 * totals.computed }];
      }),
    );
    const partial = Object.values(methods).some((totals) => totals.cancelled > 0);
    return {
      status: cancelled ? 'cancelled' : failed > 0 ? 'failed' : partial ? 'partial' : 'completed',
      chunks: { total: this.#plan.chunks, completed: this.#plan.chunks - failed, failed, skipped: 0, cancelled: 0 },
      methods,
      failures,
      failuresUri: null,
    };
  }
}

/** Runs workers on all queues of a prefix with a mock run while `work` lasts. */
export async function withMockWorkers<Result>(
  connection: NativeConnection,
  prefix: string,
  run: MockRun,
  work: () => Promise<Result>,
): Promise<Result> {
  const queues = queueNames(prefix);
  const common = { connection, maxHeartbeatThrottleInterval: '100ms' };
  const light = await Worker.create({
    ...common,
    taskQueue: queues.workflows,
    workflowBundle: { codePath: built('workflow-bundle.js') },
    activities: { ...run.light },
  });
  const cpu = await Worker.create({ ...common, taskQueue: queues.cpu, activities: { ...run.cpu } });
  const gpu = await Worker.create({
    ...common,
    taskQueue: queues.gpu,
    activities: { embedMethod: run.cpu.embedMethod },
  });
  return light.runUntil(() => cpu.runUntil(() => gpu.runUntil(work)));
}

/** Heartbeats until the activity is cancelled, and then says so. */
export async function untilCancelled(): Promise<never> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), 50);
  try {
    return await context.cancelled;
  } finally {
    clearInterval(timer);
  }
}

export const invalidInput = (message: string): ApplicationFailure =>
  ApplicationFailure.create({ type: 'InvalidInput', message, nonRetryable: true });

export type { Wave };
