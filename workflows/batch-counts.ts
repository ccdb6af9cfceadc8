import { type Counts, countOutcome, noCounts } from './method-counts.js';
import type { BatchReport, ChunkReport, EmbedBatchInput, ErrorSummary, Failure } from './types.js';

/** Signals of one batch at most. */
export const MOST_REPORTS = 50;
export const FAILURES_SHOWN = 20;

/** Adds up what became of the chunks of a batch. */
export class BatchCounts {
  readonly #input: EmbedBatchInput;
  readonly #methods = new Map<string, Counts>();
  readonly #failures: Failure[] = [];
  #closed = 0;
  #failed = 0;

  constructor(input: EmbedBatchInput) {
    this.#input = input;
    for (const { method } of input.methods) this.#methods.set(method, noCounts());
  }

  add({ name, outcome }: ChunkReport): void {
    this.#closed++;
    for (const [method, { state, cells, type, message }] of Object.entries(outcome)) {
      countOutcome(this.#methods.get(method)!, { state, cells });
      if (state === 'failed')
        this.#addFailure({ chunk: name, method, type: type ?? 'Internal', message: message ?? '' });
    }
    if (Object.values(outcome).some(({ state }) => state === 'failed')) this.#failed++;
  }

  /** A chunk whose workflow ended without an outcome, e.g. because somebody terminated it. */
  addLost(chunk: number, error: ErrorSummary): void {
    this.#closed++;
    this.#failed++;
    for (const [method, counts] of this.#methods) {
      counts.failed++;
      this.#addFailure({ chunk: `#${chunk}`, method, ...error });
    }
  }

  reportIsDue(): boolean {
    const { from, to, reports = MOST_REPORTS } = this.#input;
    return this.#closed < to - from && this.#closed % Math.ceil((to - from) / reports) === 0;
  }

  report(chunksRunning: number): BatchReport {
    const { wave, from } = this.#input;
    return {
      wave,
      from,
      chunksClosed: this.#closed,
      chunksFailed: this.#failed,
      chunksRunning,
      methods: Object.fromEntries(this.#methods),
      failures: this.#failures,
    };
  }

  #addFailure(failure: Failure): void {
    if (this.#failures.length < FAILURES_SHOWN) this.#failures.push(failure);
  }
}
