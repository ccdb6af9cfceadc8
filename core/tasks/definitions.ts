import type { FinalizeInput, RunOutcome } from '../dataset/finalize.js';
import type { ChunkOutcome, OutcomeChange } from '../dataset/journal.js';
import type { NeededRound } from '../fits/resolve-fits.js';
import type { FitRound } from '../fits/types.js';
import type { Device } from '../inference/device.js';
import type { Json } from '../methods/types.js';
import type { OpenChunkInput, OpenedChunk, Refusal } from '../plan/open-chunk.js';
import type { PlanOverview, RunIdentity, RunRequest, Wave } from '../plan/types.js';

/** Where a plan lies; every task input carries it. */
export interface PlanLocation {
  /** Absolute base folder as the planning worker saw it. */
  readonly base: string;
  /** Plan id. */
  readonly plan: string;
}

export interface ChunkInput extends PlanLocation {
  /** Index of the chunk in the plan. */
  readonly chunk: number;
}

export interface MethodInput extends ChunkInput {
  readonly method: string;
  /** Names this attempt and no other; fences staging. */
  readonly attempt: string;
}

export interface RoundInput extends PlanLocation {
  readonly round: FitRound;
  /** Any one of the methods that share this round. */
  readonly method: string;
}

export interface EmbedOutcome {
  readonly cells: number;
  readonly dim: number;
  readonly seconds: number;
  readonly blocksComputed: number;
  readonly blocksResumed: number;
  /** Cells per batch, where the method runs a model. */
  readonly batchSize?: number;
  readonly report: Readonly<Record<string, Json>>;
}

export interface PrepareOutcome {
  readonly cells: number;
  readonly seconds: number;
  /** False where what was to be prepared was there already. */
  readonly computed: boolean;
  readonly report: Readonly<Record<string, Json>>;
}

/** Every CPU-bound piece of work: it runs in a thread, so that a worker's event loop stays free to heartbeat. */
export interface Tasks {
  planRun: { input: { request: RunRequest; folder: string; run?: RunIdentity }; output: PlanOverview };
  openChunk: { input: OpenChunkInput; output: OpenedChunk };
  scanChunk: { input: ChunkInput; output: { cells: number } };
  stageInput: { input: ChunkInput; output: { name: string } };
  /** What a method needs before it embeds a chunk: tokens, for geneformer. Kept below .obsmith and found again. */
  prepareChunk: { input: ChunkInput & { method: string }; output: PrepareOutcome };
  /** `batchSize`: cells per batch at most, where less than planned. */
  embedChunk: { input: MethodInput & { batchSize?: number }; output: EmbedOutcome };
  /** Runs a graph of one value on a device; InvalidConfig where that cannot be done. */
  probeDevice: { input: { device: Device }; output: Record<string, never> };
  /** Indexes of chunks by name, for messages to a run. */
  findChunks: { input: PlanLocation & { chunks: readonly string[] }; output: { indexes: number[] } };
  /** Removes all that is staged of one array; a task that still writes it is fenced by that. */
  discardStaged: { input: ChunkInput & { method: string }; output: Record<string, never> };
  publishArray: { input: MethodInput; output: { digest: string; bytes: number } };
  /** After all fit chunks were scanned: which rounds are needed, in order; `solveRound` runs once per method of a round. */
  resolveFits: { input: PlanLocation; output: { rounds: NeededRound[]; refused: Refusal[] } };
  accumulateRound: { input: RoundInput & { position: number }; output: { cells: number } };
  mergeRound: { input: RoundInput & { level: number; index: number }; output: Record<string, never> };
  solveRound: { input: RoundInput; output: { genes: number } };
  closeChunk: { input: ChunkInput & { wave: Wave; outcome: ChunkOutcome }; output: OutcomeChange };
  finalize: { input: FinalizeInput; output: RunOutcome };
}

export type TaskName = keyof Tasks;
export type TaskInput<N extends TaskName> = Tasks[N]['input'];
export type TaskOutput<N extends TaskName> = Tasks[N]['output'];
