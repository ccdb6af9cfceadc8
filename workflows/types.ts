import type { FailureRecord, RunOutcome } from '../core/dataset/finalize.js';
import type { ChunkOutcome } from '../core/dataset/journal.js';
import type { PlanOverview, RunRequest, Wave } from '../core/plan/types.js';
import type { PlanLocation } from '../core/tasks/definitions.js';

export type { ChunkOutcome, PlanLocation, PlanOverview, RunRequest, Wave };

/** One method of one chunk that failed, and why. */
export type Failure = FailureRecord;

/** Type and message of an error that is reported instead of thrown. */
export interface ErrorSummary {
  readonly type: string;
  readonly message: string;
}

/** Result of `embedDataset`; failed runs carry it in the failure's details, cancelled ones (without failures) in the memo. */
export interface RunTotals extends RunOutcome, PlanLocation {
  /** From the first activity to finalize. */
  readonly seconds: number;
}

export type MethodState = 'waiting' | 'fitting' | 'preparing' | 'running' | 'completed' | 'failed' | 'cancelled';

export type Stage = 'planning' | 'fitting' | 'preparing' | 'embedding' | 'finalizing' | RunOutcome['status'];

export interface MethodProgress {
  state: MethodState;
  /** Of methods whose chunks are prepared before they are embedded: those that are. */
  chunksPrepared?: number;
  chunksDone: number;
  chunksFailed: number;
  cellsDone: number;
  cellsPerSecond: number;
}

/** Answer of the query `progress`. */
export interface Progress {
  dataset: string;
  stage: Stage;
  paused: boolean;
  chunks: { total: number; completed: number; failed: number; running: number };
  /** A cell counts in proportion to the methods that are done with it. */
  cells: { total: number; done: number };
  /** Cells computed (not skipped) per second since embedding began, in the same proportion. */
  cellsPerSecond: number;
  etaSeconds: number | null;
  methods: Record<string, MethodProgress>;
  /** The first 20. */
  failures: Failure[];
  /** What to start so that waiting work goes on, e.g. "obsmith worker gpu". */
  waitingFor: string[];
  /** Chunks on which finished methods were asked for again, and how many of them are through. */
  reruns: { total: number; done: number };
  /** Folder of the run's logs; null until it is planned. */
  logs: string | null;
}

/** Message of a person to a run: these methods, on these chunks (names, "train/chunk_0" or "chunk_0") or on all. */
export interface MethodsMessage {
  readonly methods: readonly string[];
  readonly chunks?: readonly string[];
}

/** Answer of an update that steers a run. */
export interface ControlAnswer {
  /** What was done, for people. */
  readonly message: string;
  readonly paused: boolean;
  /** What a message about methods was applied to. */
  readonly methods?: readonly string[];
  readonly chunks?: readonly string[] | 'all';
}

/** A message to a run as its children get it: chunks are indexes, null stands for all. */
export interface MethodScope {
  readonly methods: readonly string[];
  readonly chunks: readonly number[] | null;
}

/** What a run was told about methods. */
export interface MethodOrder extends MethodScope {
  readonly order: 'stop' | 'restart';
}

/** Input of `fitRounds`: data-set-wide statistics of the fitted methods. */
export interface FitRoundsInput {
  readonly location: PlanLocation;
  readonly methods: readonly string[];
  /** Chunks of the fitted splits. */
  readonly chunks: number;
  /** Activities open at once. */
  readonly window: number;
  readonly paused?: boolean;
}

/** Methods that have no fit, and why. */
export type FitFailures = Readonly<Record<string, ErrorSummary>>;

/** What one `fitBatch` repeats over positions of the fit chunks. */
export type FitStep =
  | { readonly kind: 'scan' }
  | { readonly kind: 'accumulate'; readonly round: 'gene-statistics' | 'gram'; readonly method: string };

export interface FitBatchInput {
  readonly location: PlanLocation;
  readonly step: FitStep;
  /** Positions [from, to). */
  readonly from: number;
  readonly to: number;
  readonly window: number;
  readonly paused?: boolean;
}

/** Input of `embedBatch`: chunks [from, to) of one wave. */
export interface EmbedBatchInput {
  readonly location: PlanLocation;
  readonly wave: Wave;
  readonly methods: readonly WaveMethod[];
  readonly from: number;
  readonly to: number;
  /** Chunks open at once until `resizeWindow` says otherwise. */
  readonly window: number;
  readonly paused: boolean;
  /** Workflow that gets the reports. */
  readonly root: string;
  /** Reports at most. */
  readonly reports: number;
  /** True for small runs: every finished method is reported, not only closed chunks. */
  readonly reportMethods: boolean;
  /** What the run was told about methods so far. */
  readonly orders: readonly MethodOrder[];
  /** Null for the first way through the chunks; else these chunks are computed again. */
  readonly rerun: MethodScope | null;
  /** Nothing is embedded. */
  readonly prepareOnly?: boolean;
}

export interface WaveMethod {
  readonly method: string;
  readonly queue: 'cpu' | 'gpu';
  /** Prepared on the CPU queue first. */
  readonly prepared?: boolean;
}

/** Input of `embedChunk`: one chunk of one wave. */
export interface EmbedChunkInput {
  readonly location: PlanLocation;
  readonly wave: Wave;
  readonly methods: readonly WaveMethod[];
  readonly chunk: number;
  /** Workflow to report finished methods to; null in large runs. */
  readonly reportTo: string | null;
  /** Methods that are cancelled already: they are recorded as such, and nothing else. */
  readonly stopped: readonly string[];
  /** Methods that are computed although their arrays are there. */
  readonly overwrite: readonly string[];
  /** True where the chunk had a workflow in this run before. */
  readonly rerun: boolean;
  /** Nothing is embedded. */
  readonly prepareOnly?: boolean;
}

/** The report of one finished method of a chunk while it runs. */
export interface ChunkReport {
  readonly wave: Wave;
  readonly chunk: number;
  readonly name: string;
  readonly outcome: ChunkOutcome;
  /** Methods that the chunk is prepared for by now, while they are embedded. */
  readonly prepared?: readonly string[];
}

/** Result of `embedChunk`: all that is known of the chunk's wave now and, for a rerun, what was known before it. */
export interface ChunkResult extends ChunkReport {
  readonly before: ChunkOutcome | null;
}

/** How far a batch is, from its start. Counts of a rerun are what it changes: a failure that healed is -1. */
export interface BatchReport {
  readonly wave: Wave;
  /** Names the batch within the wave: "b007", or "b007/rerun-1". */
  readonly batch: string;
  /** Reports of one batch in order. */
  readonly sequence: number;
  readonly chunksClosed: number;
  readonly chunksFailed: number;
  /** Closed ones of which all methods were cancelled: nothing of them is done. */
  readonly chunksCancelled?: number;
  readonly chunksRunning: number;
  readonly methods: Readonly<Record<string, MethodCounts>>;
  /** The first 20. */
  readonly failures: readonly Failure[];
  /** The first 20 failures of earlier batches that are none any more: "<chunk> <method>". */
  readonly healed: readonly string[];
  /** Chunks to compute again, and how many are through. */
  readonly reruns: { readonly total: number; readonly done: number };
  /** Orders to restart methods that reached the batch. */
  readonly restartsHeard: number;
}

export interface MethodCounts {
  /** Chunks prepared and computed. */
  readonly prepared?: number;
  /** Chunks computed or skipped. */
  readonly done: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Cells of chunks computed or skipped. */
  readonly cells: number;
  /** Cells of chunks computed. */
  readonly computedCells: number;
}
