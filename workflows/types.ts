import type { RunRequest } from '../core/plan/types.js';

export type { RunRequest };

/** Names every activity input carries: where the plan lies. `base` is the plan's own; a worker's BASE_FILE_PATH overrides it. */
export interface PlanHandle {
  readonly base: string;
  readonly plan: string;
}

/** What `planRun` tells the workflow: counts only. */
export interface PlanSummary extends PlanHandle {
  readonly dataset: string;
  readonly chunkCount: number;
  readonly cells: number;
  readonly maxOpenChunks: number;
  readonly methods: readonly PlannedMethodSummary[];
  /** Chunks that statistics are fitted on; 0 where nothing is fitted. */
  readonly fitChunkCount: number;
}

export interface PlannedMethodSummary {
  readonly method: string;
  readonly queue: 'cpu' | 'gpu';
  readonly fitted: boolean;
}

export interface MethodTotals {
  computed: number;
  skipped: number;
  failed: number;
  cancelled: number;
  seconds: number;
  cells: number;
}

export interface Failure {
  readonly chunk: string;
  readonly method: string;
  readonly type: string;
  readonly message: string;
}

/** Result of a run and of `obsmith run --json` (which adds outputs, peakRssBytes). */
export interface RunTotals {
  status: 'completed' | 'partial' | 'failed' | 'cancelled';
  chunks: { total: number; completed: number; failed: number; skipped: number; cancelled: number };
  methods: Record<string, MethodTotals>;
  /** The first 100; all of them at failuresUri. */
  failures: Failure[];
  failuresUri: string | null;
  seconds: number;
}

export type MethodState = 'waiting' | 'fitting' | 'running' | 'completed' | 'failed' | 'cancelled';

/** Answer of the query `progress`. */
export interface Progress {
  dataset: string;
  stage: 'planning' | 'fitting' | 'embedding' | 'finalizing' | 'completed' | 'partial' | 'failed' | 'cancelled';
  paused: boolean;
  chunks: { total: number; completed: number; failed: number; running: number };
  cells: { total: number; done: number };
  cellsPerSecond: number;
  etaSeconds: number | null;
  methods: Record<string, { state: MethodState; chunksDone: number; chunksFailed: number; cellsDone: number; cellsPerSecond: number }>;
  failures: Failure[];
  waitingFor: string[];
}
