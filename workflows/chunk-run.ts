import { CancellationScope, condition, getExternalWorkflowHandle } from '@temporalio/workflow';
import type { PrepareResult } from '../activities/types.js';
import { cpuActivities, light, prepareActivity, publishActivity } from './activity-options.js';
import { embedMethod } from './embed-method.js';
import { summarizeError } from './failures.js';
import { reportChunkSignal } from './messages.js';
import { isolate, settleAll } from './siblings.js';
import type { ChunkOutcome, ChunkReport, EmbedChunkInput, WaveMethod } from './types.js';

type MethodOutcome = ChunkOutcome[string];

const NOTHING = { cells: 0, seconds: 0 };

/** State of one wave of one chunk. */
export class ChunkRun {
  readonly #input: EmbedChunkInput;
  readonly #outcome: Record<string, MethodOutcome> = {};
  #name: string;
  /** Publishing goes one at a time: each waits for the one before. */
  #publishing: Promise<void> = Promise.resolve();
  #paused = false;
  readonly #stopped: Set<string>;
  /** What serves all methods: opening the chunk and copying its input. */
  readonly #common = new CancellationScope();
  readonly #scopes = new Map<string, CancellationScope>();
  /** Reports under way: nothing waits for one but the end of the chunk. */
  readonly #reports: Promise<void>[] = [];

  constructor(input: EmbedChunkInput) {
    this.#input = input;
    this.#name = `#${input.chunk}`;
    this.#stopped = new Set(input.stopped);
  }

  /** Starts no method until `resume`. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  /** Cancels methods that are not done yet; the others go on. */
  stop(methods: Iterable<string>): void {
    for (const method of methods) {
      this.#stopped.add(method);
      this.#scopes.get(method)?.cancel();
    }
    if (this.#wanted().length === 0) this.#common.cancel();
  }

  /** Fails never, is only cancelled: what goes wrong becomes outcome. */
  async embedAll(): Promise<void> {
    await isolate(
      () => this.#openAndEmbed(),
      (error) => {
        for (const { method } of this.#open()) this.#fail(method, error);
      },
    );
  }

  /** The outcome; methods without one were cancelled. */
  close(): ChunkReport {
    for (const { method } of this.#open()) this.#outcome[method] = { ...NOTHING, state: 'cancelled' };
    const { wave, chunk } = this.#input;
    return { wave, chunk, name: this.#name, outcome: this.#outcome };
  }

  /** Waits until the run has heard of everything. */
  async reported(): Promise<void> {
    await Promise.all(this.#reports);
  }

  async #openAndEmbed(): Promise<void> {
    const { location, chunk, overwrite, prepareOnly } = this.#input;
    const cpu = cpuActivities();
    const methods = this.#wanted();
    if (methods.length === 0) return;
    const names = methods.map(({ method }) => method);
    const opened = await this.#common.run(() => cpu.openChunk({ ...location, chunk, methods: names, overwrite }));
    this.#name = opened.name;
    for (const method of opened.skipped) this.#outcome[method] = { state: 'skipped', cells: opened.cells, seconds: 0 };
    for (const { method, ...error } of opened.refused)
      this.#outcome[method] = { ...NOTHING, state: 'failed', ...error };
    this.#report(Object.keys(this.#outcome));
    const todo = this.#wanted().filter(({ method }) => opened.todo.includes(method));
    if (todo.length === 0) return;
    const staged =
      opened.needsInput && !prepareOnly
        ? this.#common.run(() => cpu.stageInput({ ...location, chunk }))
        : Promise.resolve();
    await settleAll([
      staged.catch(() => {}), // Every method that waits for the copy fails with its error.
      ...todo.map((method) => this.#embed(method, staged)),
    ]);
  }

  async #embed({ method, queue, prepared }: WaveMethod, staged: Promise<void>): Promise<void> {
    const { location, chunk, prepareOnly } = this.#input;
    const scope = new CancellationScope();
    this.#scopes.set(method, scope);
    await isolate(
      () =>
        scope.run(async () => {
          if (this.#paused) await condition(() => !this.#paused);
          const preparation = prepared ? await prepareActivity(method)({ ...location, chunk, method }) : null;
          if (preparation && prepareOnly) {
            this.#outcome[method] = preparedOutcome(preparation);
            return;
          }
          if (preparation) this.#report([], [method]);
          if (this.#paused) await condition(() => !this.#paused);
          const { attempt, ...done } = await embedMethod({ method, queue }, { ...location, chunk });
          await staged;
          await this.#publishInTurn(method, attempt);
          this.#outcome[method] = { state: 'computed', ...done, ...timeOf(preparation) };
        }),
      (error) => this.#fail(method, error),
    );
    if (this.#outcome[method]?.state === 'cancelled') await light.discardStaged({ ...location, chunk, method });
    this.#report([method]);
  }

  #publishInTurn(method: string, attempt: string): Promise<void> {
    const { location, chunk } = this.#input;
    const turn = this.#publishing.then(async () => {
      await publishActivity(method)({ ...location, chunk, method, attempt });
    });
    this.#publishing = turn.catch(() => {});
    return turn;
  }

  /** A method that was stopped may end with its cancellation, or with the timeout of a worker that is gone. */
  #fail(method: string, error: unknown): void {
    this.#outcome[method] = this.#stopped.has(method)
      ? { ...NOTHING, state: 'cancelled' }
      : { ...NOTHING, state: 'failed', ...summarizeError(error) };
  }

  /** Methods that are still to be done. */
  #wanted(): readonly WaveMethod[] {
    return this.#open().filter(({ method }) => !this.#stopped.has(method));
  }

  #open(): readonly WaveMethod[] {
    return this.#input.methods.filter(({ method }) => !(method in this.#outcome));
  }

  /** Tells the run of methods that have an outcome, or that the chunk is prepared for. */
  #report(methods: readonly string[], prepared: readonly string[] = []): void {
    const { reportTo, wave, chunk } = this.#input;
    if (reportTo === null) return;
    const outcome = Object.fromEntries(methods.map((method) => [method, this.#outcome[method]!]));
    const report = { wave, chunk, name: this.#name, outcome, ...(prepared.length > 0 ? { prepared } : {}) };
    // The run may be gone, or this chunk cancelled; the outcome is recorded all the same.
    const sent = getExternalWorkflowHandle(reportTo).signal(reportChunkSignal, report);
    this.#reports.push(sent.catch(() => {}));
  }
}

function preparedOutcome({ computed, cells, seconds, warning }: PrepareResult): MethodOutcome {
  const state = computed ? 'computed' : 'skipped';
  return { state, cells, seconds, ...(warning === undefined ? {} : { warning }) };
}

function timeOf(preparation: PrepareResult | null): Pick<MethodOutcome, 'preparation'> {
  if (preparation === null) return {};
  const { computed, seconds } = preparation;
  return { preparation: { computed, seconds } };
}
