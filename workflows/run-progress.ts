import { FAILURES_SHOWN, hasFailed, isCancelled } from './batch-counts.js';
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

/** Progress of a run that goes on in a new workflow run. */
export interface CarriedProgress {
  readonly embeddingSince: number;
  /** One report per wave. */
  readonly batches: readonly BatchReport[];
  readonly paused: boolean;
  readonly ignored: string | null;
}

/** Everything the query `progress` tells, from what the children report. Times are workflow times in milliseconds. */
export class RunProgress {
  stage: Stage = 'planning';
  paused = false;
  waitingFor: readonly string[] = [];
  /** Methods that were cancelled on all chunks left. */
  cancelled: ReadonlySet<string> = new Set();
  /** Methods that a fit is made or waited for. */
  fitting: ReadonlySet<string> = new Set();
  fitFailures: FitFailures = {};
  /** Chunks to compute again that no batch reports yet. */
  waitingReruns = 0;
  /** The last message that was ignored, and why. */
  ignored: string | null = null;
  #plan: PlanOverview | null = null;
  #embeddingSince = 0;
  #totals: RunTotals | null = null;
  readonly #batches = new Map<string, BatchReport>();
  /** Chunks of small runs as their methods finish, by wave and chunk: they run ahead of the batches' reports. */
  readonly #chunks = new Map<string, ChunkReport>();
  /** Method -> chunks of small runs that are prepared for it. */
  readonly #prepared = new Map<string, Set<number>>();

  /** What a new workflow run needs to go on; no batch is open. Batches are added up, so that it does not grow with them. */
  carry(): CarriedProgress {
    const batches = WAVES.flatMap((wave) => {
      const reports = [...this.#batches.values()].filter((report) => report.wave === wave);
      return reports.length === 0 ? [] : addReports(wave, reports);
    });
    return { ...{ embeddingSince: this.#embeddingSince, batches, paused: this.paused, ignored: this.ignored } };
  }

  resume(plan: PlanOverview, { embeddingSince, batches, paused, ignored }: CarriedProgress): void {
    this.planned(plan, embeddingSince);
    for (const report of batches) this.addBatch(report);
    this.paused = paused;
    this.ignored = ignored;
  }

  planned(plan: PlanOverview, now: number): void {
    this.#plan = plan;
    this.#embeddingSince = now;
  }

  ended(totals: RunTotals): void {
    this.#totals = totals;
    this.stage = totals.status;
    this.waitingFor = [];
  }

  addBatch(report: BatchReport): void {
    const key = `${report.wave}/${report.batch}`;
    const known = this.#batches.get(key);
    if (!known || report.sequence > known.sequence) this.#batches.set(key, report);
  }

  addChunk(report: ChunkReport): void {
    const key = `${report.wave}/${report.chunk}`;
    const known = this.#chunks.get(key);
    this.#chunks.set(key, { ...report, outcome: { ...known?.outcome, ...report.outcome } });
    for (const method of report.prepared ?? [])
      this.#prepared.set(method, (this.#prepared.get(method) ?? new Set()).add(report.chunk));
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
      chunks: this.#chunkCounts(),
      cells: { total, done },
      cellsPerSecond,
      etaSeconds: running ? Math.round((total - done) / cellsPerSecond) : null,
      methods: Object.fromEntries(counts.map((count) => [count.method, this.#methodProgress(count, seconds)])),
      failures: this.#failures(),
      waitingFor: [...this.waitingFor],
      logs: plan?.logs ?? null,
      reruns: this.#reruns(),
    };
  }

  #reruns(): Progress['reruns'] {
    const reported = [...this.#batches.values()].map(({ reruns }) => reruns);
    return {
      total: this.waitingReruns + sum(reported, ({ total }) => total),
      done: sum(reported, ({ done }) => done),
    };
  }

  #methodProgress(counts: Counts & { method: string }, seconds: number): MethodProgress {
    return {
      state: this.#stateOf(counts),
      ...(this.#planned(counts.method).prepared ? { chunksPrepared: this.#chunksPrepared(counts) } : {}),
      chunksDone: counts.done,
      chunksFailed: counts.failed,
      cellsDone: counts.cells,
      cellsPerSecond: counts.computedCells / (this.#totals?.seconds || seconds),
    };
  }

  #stateOf({ method, done, failed, cancelled }: Counts & { method: string }): MethodState {
    const total = this.#plan!.chunkCount;
    if (method in this.fitFailures) return 'failed';
    if (done + failed + cancelled >= total) return failed > 0 ? 'failed' : cancelled > 0 ? 'cancelled' : 'completed';
    if (this.cancelled.has(method)) return 'cancelled';
    if (this.#totals) return this.#totals.status === 'partial' ? 'failed' : this.#totals.status;
    const wave = waveOf(this.#planned(method));
    if (this.fitting.has(method)) return 'fitting';
    const isRunning = [...this.#batches.values(), ...this.#chunks.values()].some((report) => report.wave === wave);
    if (!isRunning) return 'waiting';
    return this.#plan!.prepareOnly ? 'preparing' : 'running';
  }

  #planned(method: string): PlanOverview['methods'][number] {
    return this.#plan!.methods.find((planned) => planned.method === method)!;
  }

  /** In a run that only prepares, what is done is prepared. */
  #chunksPrepared({ method, prepared, done }: Counts & { method: string }): number {
    if (this.#plan!.prepareOnly) return done;
    return Math.max(prepared, this.#prepared.get(method)?.size ?? 0);
  }

  /** Of the batches' reports and the chunks' own, whichever is further. */
  #countsOf(method: string): Counts {
    const reported = noCounts();
    for (const { methods } of this.#batches.values()) if (methods[method]) addCounts(reported, methods[method]);
    const finished = noCounts();
    for (const { outcome } of this.#chunks.values()) if (outcome[method]) countOutcome(finished, outcome[method]);
    return ended(finished) >= ended(reported) ? finished : reported;
  }

  #chunkCounts(): Progress['chunks'] {
    const total = this.#plan?.chunkCount ?? 0;
    if (this.#totals) {
      const { completed, skipped, failed } = this.#totals.chunks;
      return { total, completed: completed + skipped, failed, running: 0 };
    }
    const methods = this.#plan?.methods ?? [];
    const waves = WAVES.filter((wave) => methods.some((method) => waveOf(method) === wave));
    const counts = waves.map((wave) => this.#countsOfWave(wave));
    // Both waves go through the chunks in the same order, so the slower one tells what is done.
    const closed = counts.length === 0 ? 0 : Math.min(...counts.map((wave) => wave.closed));
    const failed = Math.max(0, ...counts.map((wave) => wave.failed));
    // What one wave did of a chunk is done, whatever was cancelled of the other.
    const cancelled = counts.length === 0 ? 0 : Math.min(...counts.map((wave) => wave.cancelled));
    const running = Math.max(0, ...counts.map((wave) => wave.running));
    return { total, completed: Math.max(0, closed - failed - cancelled), failed, running };
  }

  #countsOfWave(wave: Wave): { closed: number; failed: number; cancelled: number; running: number } {
    const batches = [...this.#batches.values()].filter((report) => report.wave === wave);
    const reported = {
      closed: sum(batches, ({ chunksClosed }) => chunksClosed),
      failed: sum(batches, ({ chunksFailed }) => chunksFailed),
      cancelled: sum(batches, ({ chunksCancelled = 0 }) => chunksCancelled),
      running: sum(batches, ({ chunksRunning }) => chunksRunning),
    };
    const chunks = [...this.#chunks.values()].filter((report) => report.wave === wave);
    const methods = this.#plan!.methods.filter(
      (method) => waveOf(method) === wave && !(method.method in this.fitFailures),
    );
    const closed = chunks.filter(({ outcome }) => Object.keys(outcome).length >= methods.length);
    if (closed.length < reported.closed || chunks.length === 0) return reported;
    const count = (is: (outcome: ChunkOutcome) => boolean): number =>
      closed.filter(({ outcome }) => is(outcome)).length;
    return {
      closed: closed.length,
      failed: count(hasFailed),
      cancelled: count(isCancelled),
      running: chunks.length - closed.length,
    };
  }

  #failures(): Failure[] {
    const { failures } = this.#totals ?? { failures: [...this.#failuresOfChildren(), ...this.#failuresOfFits()] };
    return failures.slice(0, FAILURES_SHOWN);
  }

  #failuresOfFits(): Failure[] {
    return Object.entries(this.fitFailures).map(([method, error]) => ({ chunk: 'all', method, ...error }));
  }

  #failuresOfChildren(): Failure[] {
    const found = failuresIn(this.#batches.values());
    for (const { name: chunk, outcome } of this.#chunks.values()) {
      for (const [method, { state, type = 'Internal', message = '' }] of Object.entries(outcome)) {
        if (state === 'failed') found.set(`${chunk} ${method}`, { chunk, method, type, message });
        else found.delete(`${chunk} ${method}`);
      }
    }
    return [...found.values()];
  }
}

/** Failures of batches in the order in which they began, without those that a rerun healed. */
function failuresIn(reports: Iterable<BatchReport>): Map<string, Failure> {
  const found = new Map<string, Failure>();
  for (const { failures, healed } of reports) {
    for (const key of healed) found.delete(key);
    for (const failure of failures) found.set(`${failure.chunk} ${failure.method}`, failure);
  }
  return found;
}

/** Closed batches of a wave as one. */
function addReports(wave: Wave, reports: readonly BatchReport[]): BatchReport {
  const methods: Record<string, Counts> = {};
  for (const [method, counts] of reports.flatMap((report) => Object.entries(report.methods))) {
    methods[method] ??= noCounts();
    addCounts(methods[method], counts);
  }
  return {
    ...{ wave, batch: 'before', sequence: 0, methods, chunksRunning: 0, healed: [], restartsHeard: 0 },
    chunksClosed: sum(reports, ({ chunksClosed }) => chunksClosed),
    chunksFailed: sum(reports, ({ chunksFailed }) => chunksFailed),
    chunksCancelled: sum(reports, ({ chunksCancelled = 0 }) => chunksCancelled),
    failures: [...failuresIn(reports).values()].slice(0, FAILURES_SHOWN),
    reruns: { total: sum(reports, ({ reruns }) => reruns.total), done: sum(reports, ({ reruns }) => reruns.done) },
  };
}

const waveOf = ({ fitted }: { readonly fitted: boolean }): Wave => (fitted ? 'fitted' : 'unfitted');

const sum = <Item>(items: readonly Item[], value: (item: Item) => number): number =>
  items.reduce((total, item) => total + value(item), 0);

const ended = ({ done, failed, cancelled }: Counts): number => done + failed + cancelled;

const WAVES = ['unfitted', 'fitted'] as const;
