import type { TaskInput, TaskOutput } from '../core/tasks/definitions.js';
import type { PlanLocation, PlanOverview, RunRequest } from '../workflows/types.js';

export interface LeaseInput extends PlanLocation {
  readonly dataset: string;
}

export interface QueueWatch {
  /** Short names of the queues that the run needs. */
  readonly queues: readonly WorkerKind[];
}

export type WorkerKind = 'cpu' | 'gpu';

export interface PlanResult extends PlanOverview {
  /** True where the server knows Obsmith's search attributes, so that the workflow may set them. */
  readonly searchAttributes: boolean;
}

/** Names the attempt whose staged array is to be published. */
export interface EmbedResult {
  readonly attempt: string;
  readonly cells: number;
  readonly seconds: number;
  /** Row blocks that this attempt computed, and that it took over from attempts before it. */
  readonly blocksComputed: number;
  readonly blocksResumed: number;
  /** Cells per batch, where the method runs a model. */
  readonly batchSize?: number;
  /** What a person should look at. */
  readonly warning?: string;
}

/** What was prepared of a chunk. */
export interface PrepareResult {
  readonly cells: number;
  readonly seconds: number;
  /** False where it was there already. */
  readonly computed: boolean;
  readonly warning?: string;
}

/** Queue `obsmith`: what takes moments, and the two activities that last as long as the run. */
export interface LightActivities {
  planRun(request: RunRequest): Promise<PlanResult>;
  acquireLease(input: LeaseInput): Promise<void>;
  /** Renews the lease until cancelled, then releases it. */
  holdLease(input: LeaseInput): Promise<void>;
  /** Signals the workflow whenever the set of needed queues without a worker changes; until cancelled. */
  watchQueues(input: QueueWatch): Promise<void>;
  /** Ends these two at once where they are in the same worker: a cancellation reaches them with the answer to a heartbeat. */
  endCompanions(): Promise<void>;
  resolveFits(input: TaskInput<'resolveFits'>): Promise<TaskOutput<'resolveFits'>>;
  publishArray(input: TaskInput<'publishArray'>): Promise<TaskOutput<'publishArray'>>;
  /** Indexes of the chunks of these names; InvalidInput with the valid names where there is no such chunk. */
  findChunks(input: TaskInput<'findChunks'>): Promise<TaskOutput<'findChunks'>>;
  /** Removes what a cancelled method staged of a chunk. */
  discardStaged(input: TaskInput<'discardStaged'>): Promise<void>;
  /** Records what became of methods on a chunk. */
  closeChunk(input: TaskInput<'closeChunk'>): Promise<TaskOutput<'closeChunk'>>;
  finalizeRun(input: TaskInput<'finalize'>): Promise<TaskOutput<'finalize'>>;
}

/** Queue `obsmith-cpu`. */
export interface CpuActivities extends EmbedActivities {
  openChunk(input: TaskInput<'openChunk'>): Promise<TaskOutput<'openChunk'>>;
  scanFitChunk(input: FitChunkInput): Promise<void>;
  accumulateRound(input: TaskInput<'accumulateRound'>): Promise<void>;
  mergeRound(input: TaskInput<'mergeRound'>): Promise<void>;
  solveRound(input: TaskInput<'solveRound'>): Promise<void>;
  stageInput(input: TaskInput<'stageInput'>): Promise<void>;
  /** Makes what a method embeds instead of the chunk itself, or finds it. */
  prepareChunk(input: TaskInput<'prepareChunk'>): Promise<PrepareResult>;
}

/** Queues `obsmith-cpu` and `obsmith-gpu`, by the section that a method stands in. */
export interface EmbedActivities {
  embedMethod(input: Omit<TaskInput<'embedChunk'>, 'attempt'>): Promise<EmbedResult>;
}

export interface FitChunkInput extends PlanLocation {
  /** Position among the fit chunks. */
  readonly position: number;
}
