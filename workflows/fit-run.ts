import { ApplicationFailure, CancellationScope, condition, startChild, workflowInfo } from '@temporalio/workflow';
import type { NeededRound } from '../core/fits/resolve-fits.js';
import { cpuActivities, light } from './activity-options.js';
import { summarizeError } from './failures.js';
import { fitBatch, stepOverPositions } from './fit-batch.js';
import { mergeLevels } from './merge-levels.js';
import { pauseSignal, resumeSignal } from './messages.js';
import { OpenChildren } from './open-children.js';
import { isolate, settleAll } from './siblings.js';
import type { ErrorSummary, FitRoundsInput, FitStep } from './types.js';
import { Window } from './window.js';

/** Activities of one batch: about 1,600 events. */
const BATCH_POSITIONS = 500;
/** So few activities need no workflow of their own, whose start and end take longer than their history is worth. */
const FEW_POSITIONS = 32;

/** State of the fits of one run. */
export class FitRun {
  readonly failures: Record<string, ErrorSummary> = {};
  readonly #input: FitRoundsInput;
  readonly #batches = new OpenChildren();
  /** Of steps that this workflow takes by itself. */
  readonly #windows = new Set<Window>();
  readonly #stopped = new Set<string>();
  /** Work that is going on, and the methods that it is for. */
  readonly #work = new Map<CancellationScope, readonly string[]>();
  #paused: boolean;

  constructor(input: FitRoundsInput) {
    this.#input = input;
    this.#paused = input.paused ?? false;
  }

  pause(): void {
    this.#paused = true;
    for (const window of this.#windows) window.pause();
    this.#batches.tell(pauseSignal);
  }

  resume(): void {
    this.#paused = false;
    for (const window of this.#windows) window.resume();
    this.#batches.tell(resumeSignal);
  }

  /** Ends what serves none but these methods; rounds that others share go on. */
  stop(methods: readonly string[]): void {
    for (const method of methods) this.#stopped.add(method);
    for (const [scope, served] of this.#work) {
      if (served.every((method) => this.#stopped.has(method))) scope.cancel();
    }
  }

  async fitAll(): Promise<void> {
    await this.#failing(this.#input.methods, async () => {
      const rounds = await this.#neededRounds();
      for (const kind of ['gene-statistics', 'gram'] as const) {
        const together = rounds.filter(({ round }) => round === kind);
        await settleAll(
          together.map((round, index) => this.#failing(round.methods, () => this.#fit(round, `${kind}-${index}`))),
        );
      }
    });
  }

  /** Scans all fit chunks. Which of them may be missing is decided by the plan; the first error says why one is. */
  async #neededRounds(): Promise<readonly NeededRound[]> {
    const failure = await this.#overPositions({ kind: 'scan' }, 'scan', this.#input.chunks);
    try {
      const { rounds, refused } = await light.resolveFits(this.#input.location);
      for (const { method, ...error } of refused) this.#fail([method], error);
      return rounds;
    } catch (error) {
      if (failure === null) throw error;
      const { type, message } = summarizeError(error);
      throw ApplicationFailure.create({
        type,
        message: `${message} First of them: ${failure.message}`,
        cause: error as Error,
      });
    }
  }

  /** One round for all methods that share it; methods that failed in an earlier round take no part. */
  async #fit({ round, methods, chunks, accumulated }: NeededRound, name: string): Promise<void> {
    const remaining = methods.filter((method) => this.#isWanted(method));
    const speaker = remaining[0];
    if (speaker === undefined) return;
    const step = { kind: 'accumulate', round, method: speaker } as const;
    const failure = accumulated ? null : await this.#overPositions(step, name, chunks);
    if (failure) throw ApplicationFailure.create(failure);
    const { location, window } = this.#input;
    const cpu = cpuActivities();
    if (this.#paused) await condition(() => !this.#paused);
    for (const [above, merges] of mergeLevels(chunks).entries()) {
      const errors: unknown[] = [];
      await new Window(window).forEach(Array(merges).keys(), (index) =>
        isolate(
          async () => void (await cpu.mergeRound({ ...location, round, method: speaker, level: above + 1, index })),
          (error) => errors.push(error),
        ),
      );
      if (errors.length > 0) throw errors[0];
    }
    await settleAll(
      remaining.map((method) =>
        this.#failing([method], async () => void (await cpu.solveRound({ ...location, round, method }))),
      ),
    );
  }

  /** Batch after batch, so that no history grows with the data set. Returns the first failure, or null. */
  async #overPositions(step: FitStep, name: string, chunks: number): Promise<ErrorSummary | null> {
    const { location, window } = this.#input;
    if (chunks <= FEW_POSITIONS) return this.#overFew(step, chunks);
    let failure: ErrorSummary | null = null;
    for (let from = 0; from < chunks; from += BATCH_POSITIONS) {
      const to = Math.min(chunks, from + BATCH_POSITIONS);
      const workflowId = `${workflowInfo().workflowId}/${name}/b${String(from / BATCH_POSITIONS).padStart(3, '0')}`;
      const found = await this.#batches.execute(workflowId, () =>
        startChild(fitBatch, {
          workflowId,
          args: [{ location, step, from, to, window, paused: this.#paused }],
          staticSummary: `${name} of fit chunks ${from} to ${to - 1}`,
        }),
      );
      failure ??= found;
      if (failure && step.kind === 'accumulate') return failure;
    }
    return failure;
  }

  async #overFew(step: FitStep, chunks: number): Promise<ErrorSummary | null> {
    const window = new Window(this.#input.window, this.#paused);
    this.#windows.add(window);
    try {
      return await stepOverPositions({ location: this.#input.location, step, from: 0, to: chunks }, window);
    } finally {
      this.#windows.delete(window);
    }
  }

  async #failing(methods: readonly string[], work: () => Promise<void>): Promise<void> {
    const scope = new CancellationScope();
    this.#work.set(scope, methods);
    await isolate(
      () => scope.run(work),
      (error) => this.#fail(methods, summarizeError(error)),
    );
    this.#work.delete(scope);
  }

  #fail(methods: readonly string[], error: ErrorSummary): void {
    for (const method of methods) if (this.#isWanted(method)) this.failures[method] = error;
  }

  /** True for methods that this run of rounds is for and that can still get a fit. */
  #isWanted(method: string): boolean {
    return this.#input.methods.includes(method) && !(method in this.failures || this.#stopped.has(method));
  }
}
