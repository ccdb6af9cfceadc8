import type { ChunkReference } from '../dataset/types.js';
import type { FitRound } from '../fits/types.js';
import type { PlannedModel } from '../inference/planned-model.js';
import type { Json, Method, MethodSettings } from '../methods/types.js';
import type { TokenSettings } from '../tokenization/prepare-tokens.js';

/** Input of the workflow embedDataset, exactly as a person writes it for the `temporal` CLI. */
export interface RunRequest {
  readonly config: string;
  readonly section?: 'embedding_preparation' | 'embedding_cpu' | 'embedding_gpu';
  readonly methods?: readonly string[];
  readonly chunks?: readonly string[];
  readonly prepareOnly?: boolean;
  readonly overwrite?: boolean;
  readonly set?: Readonly<Record<string, Json>>;
}

/** Names a run of a workflow. */
export interface RunIdentity {
  readonly workflowId: string;
  readonly runId: string;
}

/** A run, and where its logs lie: relative to the base folder, or absolute. */
export interface PlannedRun extends RunIdentity {
  readonly logs: string;
}

/** One method of a run. */
export interface PlannedMethod extends MethodSettings<Json> {
  readonly queue: 'cpu' | 'gpu';
  readonly algorithmVersion: number;
  readonly chunkRows: number;
  readonly overwrite: boolean;
  readonly fitRounds: readonly FitRound[];
  readonly sparseOutput: boolean;
  readonly source: Method['source'];
  /** Present exactly where the method runs a model bundle. */
  readonly model?: PlannedModel;
  /** Present exactly where the method embeds prepared tokens. */
  readonly tokens?: TokenSettings;
}

/** `.obsmith/plans/<id>/plan.json`: immutable; chunks lie beside it in shards of CHUNKS_PER_SHARD. */
export interface Plan {
  readonly id: string;
  readonly dataset: string;
  /** Content of `.obsmith/id`: proves that a worker sees the same folder. */
  readonly baseId: string;
  /** "processed_with_emb/train/pbmc" relative to the base. */
  readonly outputRoot: string;
  readonly methods: readonly PlannedMethod[];
  /** Chunks that this run embeds: indexes 0 ... chunkCount - 1. A scoped run lists the data set's other chunks after them, since fits need those. */
  readonly chunkCount: number;
  /** Cells of the chunks that this run embeds. */
  readonly cells: number;
  /** Chunks of the whole data set. */
  readonly datasetChunkCount: number;
  /** Indexes of chunks that statistics are fitted on, in order; only where a method is fitted. */
  readonly fitChunks: readonly number[];
  readonly maxFailedChunks: number;
  readonly maxOpenChunks: number;
  readonly onStale: 'recompute' | 'keep' | 'fail';
  readonly adoptExisting: boolean;
  readonly requiredObsmKeys: readonly string[];
  /** Requested methods left out because they cannot run here and `skip_unavailable` is true. */
  readonly skippedMethods: readonly string[];
  /** Plan and preparation only: no array is expected in the outputs. */
  readonly prepareOnly: boolean;
  /** The workflow that made this plan; null where there was none. */
  readonly run: PlannedRun | null;
  /** The request as given, for the record. */
  readonly request: RunRequest;
}

export interface PlannedChunk extends ChunkReference {
  /** Position in the plan: the chunks that the run embeds come first. */
  readonly index: number;
  /** Position in the data set's order. */
  readonly order: number;
  readonly cells: number;
  readonly genes: number;
  /** Format of the output: the input's zarr format, v2 for h5ad; null where the input cannot be read. */
  readonly outputFormat: 'zarr-v2' | 'zarr-v3' | null;
  /** Bytes of the input on disk. */
  readonly bytes: number;
  /** Why this chunk cannot be read at all (missing, corrupt metadata, zero cells); its methods fail with it. */
  readonly unreadable: { readonly type: string; readonly message: string } | null;
  /** Elements that the run's methods read: what the scan digests. */
  readonly reads: readonly string[];
  /** Methods refused for this chunk from metadata alone. */
  readonly refused: Readonly<Record<string, { readonly type: string; readonly message: string }>>;
}

export interface OverviewMethod {
  readonly method: string;
  readonly queue: 'cpu' | 'gpu';
  readonly fitted: boolean;
  /** Chunks are prepared on the CPU queue before they are embedded. */
  readonly prepared?: boolean;
}

/** What the workflow learns of a plan: counts only, whatever the size of the data set. */
export interface PlanOverview {
  readonly base: string;
  readonly plan: string;
  readonly dataset: string;
  readonly chunkCount: number;
  readonly cells: number;
  readonly maxOpenChunks: number;
  readonly methods: readonly OverviewMethod[];
  /** Plan and preparation only. */
  readonly prepareOnly?: boolean;
  readonly fitChunkCount: number;
  /** Chunks [from, to) whose inputs are worth copying while fits are made; absent where another wave copies them or nothing is to be copied. */
  readonly copyAhead?: { readonly from: number; readonly to: number };
  /** Folder of the run's logs, absolute as the planning worker saw it; absent in the oldest histories. */
  readonly logs?: string | null;
}

/** `unfitted` starts at once; `fitted` waits for the data-set-wide fits. */
export type Wave = 'unfitted' | 'fitted';

export const waveOf = (method: PlannedMethod): Wave => (method.fitRounds.length > 0 ? 'fitted' : 'unfitted');

export const CHUNKS_PER_SHARD = 1000;
