import { getExternalWorkflowHandle } from '@temporalio/workflow';
import { cpuActivities, embedActivity, publishActivity } from './activity-options.js';
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

  constructor(input: EmbedChunkInput) {
    this.#input = input;
    this.#name = `#${input.chunk}`;
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

  async #openAndEmbed(): Promise<void> {
    const { location, chunk, methods } = this.#input;
    const cpu = cpuActivities();
    const opened = await cpu.openChunk({ ...location, chunk, methods: methods.map(({ method }) => method) });
    this.#name = opened.name;
    for (const method of opened.skipped) this.#outcome[method] = { state: 'skipped', cells: opened.cells, seconds: 0 };
    for (const { method, ...error } of opened.refused)
      this.#outcome[method] = { ...NOTHING, state: 'failed', ...error };
    await this.#report(Object.keys(this.#outcome));
    const staged = opened.needsInput ? cpu.stageInput({ ...location, chunk }) : Promise.resolve();
    await settleAll([
      staged.catch(() => {}), // Every method that waits for the copy fails with its error.
      ...methods.filter(({ method }) => opened.todo.includes(method)).map((method) => this.#embed(method, staged)),
    ]);
  }

  async #embed({ method, queue }: WaveMethod, staged: Promise<void>): Promise<void> {
    const { location, chunk } = this.#input;
    await isolate(
      async () => {
        const { attempt, ...done } = await embedActivity(method, queue)({ ...location, chunk, method });
        await staged;
        await this.#publishInTurn(method, attempt);
        this.#outcome[method] = { state: 'computed', ...done };
      },
      (error) => this.#fail(method, error),
    );
    await this.#report([method]);
  }

  #publishInTurn(method: string, attempt: string): Promise<void> {
    const { location, chunk } = this.#input;
    const turn = this.#publishing.then(async () => {
      await publishActivity(method)({ ...location, chunk, method, attempt });
    });
    this.#publishing = turn.catch(() => {});
    return turn;
  }

  #fail(method: string, error: unknown): void {
    this.#outcome[method] = { ...NOTHING, state: 'failed', ...summarizeError(error) };
  }

  #open(): readonly WaveMethod[] {
    return this.#input.methods.filter(({ method }) => !(method in this.#outcome));
  }

  async #report(methods: readonly string[]): Promise<void> {
    const { reportTo, wave, chunk } = this.#input;
    if (reportTo === null) return;
    const outcome = Object.fromEntries(methods.map((method) => [method, this.#outcome[method]!]));
    await isolate(
      () => getExternalWorkflowHandle(reportTo).signal(reportChunkSignal, { wave, chunk, name: this.#name, outcome }),
      () => {}, // The run may be gone; the outcome is recorded all the same.
    );
  }
}
