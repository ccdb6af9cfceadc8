import { type Counts, countOutcome, noCounts } from './method-counts.js';
import type { BatchReport, ChunkOutcome, ChunkResult, EmbedBatchInput, Failure } from './types.js';

/** Signals of one batch at most. */
export const MOST_REPORTS = 50;
export const FAILURES_SHOWN = 20;

/** Adds up what became of the chunks of a batch, and what reruns changed about it. */
export class BatchCounts {
  readonly #input: EmbedBatchInput;
  readonly #name: string;
  readonly #methods = new Map<string, Counts>();
  readonly #failures = new Map<string, Failure>();
  readonly #healed = new Set<string>();
  #closed = 0;
  #failed = 0;
  #cancelled = 0;
  /** Workflows of chunks: all that are to be, and those that have ended. */
  #workflows: number;
  #ended = 0;
  #reports = 0;
  readonly #reruns = { total: 0, done: 0 };
  restartsHeard = 0;

  constructor(input: EmbedBatchInput, name: string) {
    this.#input = input;
    this.#name = name;
    this.#workflows = input.rerun ? 0 : input.to - input.from;
    for (const { method } of input.methods) this.#methods.set(method, noCounts());
  }

  /** A chunk that is to be computed again. */
  addRerun(): void {
    this.#reruns.total++;
    this.#workflows++;
  }

  add({ name, before, outcome }: ChunkResult, isRerun: boolean): void {
    this.#ended++;
    if (isRerun) this.#reruns.done++;
    if (before === null) this.#closed++;
    this.#failed += Number(hasFailed(outcome)) - Number(before !== null && hasFailed(before));
    this.#cancelled += Number(isCancelled(outcome)) - Number(before !== null && isCancelled(before));
    for (const [method, counted] of Object.entries(before ?? {})) countOutcome(this.#of(method), counted, -1);
    for (const [method, found] of Object.entries(outcome)) {
      countOutcome(this.#of(method), found);
      const { type = 'Internal', message = '' } = found;
      if (found.state === 'failed') this.#addFailure({ chunk: name, method, type, message });
      else if (before?.[method]?.state === 'failed') this.#heal(`${name} ${method}`);
    }
  }

  reportIsDue(): boolean {
    return this.#ended < this.#workflows && this.#ended % Math.ceil(this.#workflows / this.#input.reports) === 0;
  }

  report(chunksRunning: number): BatchReport {
    return {
      ...{ wave: this.#input.wave, batch: this.#name, sequence: ++this.#reports },
      ...{ chunksClosed: this.#closed, chunksFailed: this.#failed, chunksCancelled: this.#cancelled, chunksRunning },
      methods: Object.fromEntries(this.#methods),
      failures: [...this.#failures.values()],
      healed: [...this.#healed],
      reruns: { ...this.#reruns },
      restartsHeard: this.restartsHeard,
    };
  }

  /** A rerun may tell of methods of its wave that it does not run. */
  #of(method: string): Counts {
    const counts = this.#methods.get(method) ?? noCounts();
    this.#methods.set(method, counts);
    return counts;
  }

  #addFailure(failure: Failure): void {
    const key = `${failure.chunk} ${failure.method}`;
    this.#healed.delete(key);
    if (this.#failures.size < FAILURES_SHOWN || this.#failures.has(key)) this.#failures.set(key, failure);
  }

  /** A failure of this batch is forgotten; one of an earlier batch has to be told. */
  #heal(key: string): void {
    if (!this.#failures.delete(key) && this.#healed.size < FAILURES_SHOWN) this.#healed.add(key);
  }
}

export const hasFailed = (outcome: ChunkOutcome): boolean =>
  Object.values(outcome).some(({ state }) => state === 'failed');

/** True where every method of a chunk was cancelled. */
export const isCancelled = (outcome: ChunkOutcome): boolean =>
  Object.values(outcome).every(({ state }) => state === 'cancelled');
