import type { ChunkReference } from '../dataset/types.js';
import type { FitRound } from '../fits/types.js';
import type { Json, MethodSettings } from '../methods/types.js';

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

/** One method of a run. */
export interface PlannedMethod extends MethodSettings<Json> {
  readonly queue: 'cpu' | 'gpu';
  readonly algorithmVersion: number;
  readonly chunkRows: number;
  readonly overwrite: boolean;
  readonly fitRounds: readonly FitRound[];
  readonly sparseOutput: boolean;
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
  readonly chunkCount: number;
  readonly cells: number;
  /** Indexes of chunks that statistics are fitted on, in order; only where a method is fitted. */
  readonly fitChunks: readonly number[];
  readonly maxFailedChunks: number;
  readonly maxOpenChunks: number;
  readonly onStale: 'recompute' | 'keep' | 'fail';
  readonly adoptExisting: boolean;
  readonly requiredObsmKeys: readonly string[];
  /** The request as given, for the record. */
  readonly request: RunRequest;
}

export interface PlannedChunk extends ChunkReference {
  readonly cells: number;
  readonly genes: number;
  /** Bytes of the input on disk. */
  readonly bytes: number;
  /** Why this chunk cannot be read at all (missing, corrupt metadata, zero cells); its methods fail with it. */
  readonly unreadable: { readonly type: string; readonly message: string } | null;
  /** Methods refused for this chunk from metadata alone. */
  readonly refused: Readonly<Record<string, { readonly type: string; readonly message: string }>>;
}

export const CHUNKS_PER_SHARD = 1000;
