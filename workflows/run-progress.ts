import { FAILURES_SHOWN } from './batch-counts.js';
import { addCounts, type Counts, countOutcome, noCounts } from './method-counts.js';
import type {
  BatchReport,
  ChunkOutcome,
  ChunkReport,
  Failure,
  FitFailures,
  MethodProgress,
  MethodState,
  PlanOverview,
  Progress,
  RunTotals,
  Stage,
  Wave,
} from './types.js';

/** Everything the query `progress` tells, from what the children report. Times are workflow times in milliseconds. */
export class RunProgress {
  stage: Stage = 'planning';
  paused = false;
  waitingFor: readonly string[] = [];
  #plan: PlanOverview | null = null;
  #embeddingSince = 0;
  #fitting = false;
  #fitFailures: FitFailures = {};
  #totals: RunTotals | null = null;
  readonly #batches = new Map<string, BatchReport>();
  /** Methods of small runs as they finish, by chunk and method: they run ahead of the batches' reports. */
  readonly #finished = new Map<string, ChunkOutcome[string] & { chunk: string; method: string }>();

  planned(plan: PlanOverview, now: number): void {
    this.#plan = plan;
    this.#embeddingSince = now;
    this.#fitting = plan.methods.some(({ fitted }) => fitted);
    this.stage = plan.methods.every(({ fitted }) => fitted) ? 'fitting' : 'embedding';
  }

  fitted(failures: FitFailures): void {
    this.#fitting = false;
    this.#fitFailures = failures;
    this.stage = 'embedding';
  }

  /** The unfitted wave is over while the fit goes on. */
  onlyFitLeft(): void {
    if (this.#fitting) this.stage = 'fitting';
  }

  ended(totals: RunTotals): void {
    this.#totals = totals;
    this.stage = totals.status;
    this.waitingFor = [];
  }

  addBatch(report: BatchReport): void {
    const key = `${report.wave}/${report.from}`;
    const known = this.#batches.get(key);
    if (!known || report.chunksClosed >= known.chunksClosed) this.#batches.set(key, report);
  }

  addChunk({ name, outcome }: ChunkReport): void {
    for (const [method, result] of Object.entries(outcome))
      this.#finished.set(`${name} ${method}`, { chunk: name, method, ...result });
  }

  answer(now: number): Progress {
    const plan = this.#plan;
    const methods = plan?.methods ?? [];
    const seconds = Math.max(1, (now - this.#embeddingSince) / 1000);
    const counts = methods.map(({ method }) => ({ method, ...this.#countsOf(method) }));
    const total = plan?.cells ?? 0;
    const share = (cells: number): number => cells / Math.max(1, methods.length);
    const done = Math.round(share(sum(counts, ({ cells }) => cells)));
    const computed = share(sum(counts, ({ computedCells }) => computedCells));
    const cellsPerSecond = this.#totals ? computed / Math.max(1e-3, this.#totals.seconds) : computed / seconds;
    const running = this.#totals === null && cellsPerSecond > 0;
    return {
      dataset: plan?.dataset ?? '',
      stage: this.stage,
      paused: this.paused,
      chunks: this.#chunks(),
      cells: { total, done },
      cellsPerSecond,
      etaSeconds: running ? Math.round((total - done) / cellsPerSecond) : null,
      methods: Object.fromEntries(counts.map((count) => [count.method, this.#methodProgress(count, seconds)])),
      failures: this.#failures(),
      waitingFor: [...this.waitingFor],
    };
  }

  #methodProgress(counts: Counts & { method: string }, seconds: number): MethodProgress {
    return {
      state: this.#stateOf(counts),
      chunksDone: counts.done,
      chunksFailed: counts.failed,
      cellsDone: counts.cells,
      cellsPerSecond: counts.computedCells / (this.#totals?.seconds || seconds),
    };
  }

  #stateOf({ method, done, failed, cancelled }: Counts & { method: string }): MethodState {
    const total = this.#plan!.chunkCount;
    if (method in this.#fitFailures) return 'failed';
    if (done + failed + cancelled >= total) return failed > 0 ? 'failed' : cancelled > 0 ? 'cancelled' : 'completed';
    if (this.#totals) return this.#totals.status === 'cancelled' ? 'cancelled' : 'failed';
    const fitted = this.#plan!.methods.some((planned) => planned.method === method && planned.fitted);
    if (fitted && this.#fitting) return 'fitting';
    return this.#batchesOf(fitted ? 'fitted' : 'unfitted').length > 0 || done + failed > 0 ? 'running' : 'waiting';
  }

  /** Of the batches' reports and the chunks' own, whichever is further. */
  #countsOf(method: string): Counts {
    const reported = noCounts();
    for (const { methods } of this.#batches.values()) if (methods[method]) addCounts(reported, methods[method]);
    const finished = noCounts();
    for (const outcome of this.#finished.values()) if (outcome.method === method) countOutcome(finished, outcome);
    return finished.done + finished.failed > reported.done + reported.failed ? finished : reported;
  }

  /** Before finalize: chunks which both waves have closed, at least; both go through the chunks in the same order. */
  #chunks(): Progress['chunks'] {
    const total = this.#plan?.chunkCount ?? 0;
    if (this.#totals) {
      const { completed, skipped, failed } = this.#totals.chunks;
      return { total, completed: completed + skipped, failed, running: 0 };
    }
    const waves = [...new Set(this.#plan?.methods.map(({ fitted }): Wave => (fitted ? 'fitted' : 'unfitted')))];
    const perWave = waves.map((wave) => ({
      closed: sum(this.#batchesOf(wave), ({ chunksClosed }) => chunksClosed),
      failed: sum(this.#batchesOf(wave), ({ chunksFailed }) => chunksFailed),
      running: sum(this.#batchesOf(wave), ({ chunksRunning }) => chunksRunning),
    }));
    const failed = Math.max(0, ...perWave.map((wave) => wave.failed));
    const closed = Math.min(...perWave.map((wave) => wave.closed), total);
    return {
      total,
      completed: Math.max(0, closed - failed),
      failed,
      running: Math.max(0, ...perWave.map((wave) => wave.running)),
    };
  }

  #failures(): Failure[] {
    const { failures } = this.#totals ?? { failures: [...this.#failuresOfChildren(), ...this.#failuresOfFits()] };
    return failures.slice(0, FAILURES_SHOWN);
  }

  #failuresOfFits(): Failure[] {
    return Object.entries(this.#fitFailures).map(([method, error]) => ({ chunk: 'all', method, ...error }));
  }

  #failuresOfChildren(): Failure[] {
    const reported = [...this.#batches.values()].flatMap(({ failures }) => failures);
    const found = new Map(reported.map((failure) => [`${failure.chunk} ${failure.method}`, failure]));
    for (const [key, { chunk, method, state, type, message }] of this.#finished) {
      if (state === 'failed') found.set(key, { chunk, method, type: type ?? 'Internal', message: message ?? '' });
    }
    return [...found.values()];
  }

  #batchesOf(wave: Wave): BatchReport[] {
    return [...this.#batches.values()].filter((report) => report.wave === wave);
  }
}

const sum = <Item>(items: readonly Item[], value: (item: Item) => number): number =>
  items.reduce((total, item) => total + value(item), 0);
