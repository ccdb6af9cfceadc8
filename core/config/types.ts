import type { Json } from '../methods/types.js';

export const EMBEDDING_SECTIONS = ['embedding_preparation', 'embedding_cpu', 'embedding_gpu'] as const;
export type EmbeddingSectionName = (typeof EMBEDDING_SECTIONS)[number];

/** One `embedding_*` section with every default filled in; keys as in the YAML. */
export interface EmbeddingSection {
  readonly enabled: boolean;
  readonly execution_location: 'local' | 'cpu' | 'gpu';
  readonly methods: readonly string[];
  readonly memory_gb: number;
  /** Cells per forward pass at most. */
  readonly batch_size: number;
  readonly init_kwargs: Readonly<Record<string, Json>> | null;
  readonly embedding_dim_map: Readonly<Record<string, number>>;
  readonly method_options: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly input_format: 'auto' | 'zarr' | 'h5ad';
  readonly output_format: 'zarr';
  readonly overwrite: boolean;
  readonly chunk_rows: number;
  readonly venv_path: string | null;
  readonly batch_key: string | null;
  readonly input_files: readonly string[] | null;
  /** Relative to the base: "processed_with_emb/train/pbmc". */
  readonly output_dir: string;
}

/** A configuration after composition, interpolation, overrides, defaults and derivation; keys as in the YAML. */
export interface ResolvedConfig {
  /** Absolute path of the configuration file. */
  readonly file: string;
  /** Absolute path of the base folder; every other path in here is relative to it. */
  readonly base: string;
  readonly dataset: {
    readonly name: string;
    readonly description: string | null;
    readonly download_url: string | null;
    readonly full_name: string | null;
    /** Relative to the base: the raw file that chunks were made from. */
    readonly file_path: string;
  };
  readonly batch_key: string | null;
  readonly annotation_key: string | null;
  readonly caption_key: string | null;
  readonly instrument_key: string | null;
  readonly other_bio_labels: readonly string[];
  readonly split_dataset: boolean;
  readonly fit_splits: 'auto' | readonly string[];
  readonly max_failed_chunks: number;
  readonly max_open_chunks: number;
  readonly on_stale: 'recompute' | 'keep' | 'fail';
  readonly adopt_existing: boolean;
  readonly skip_unavailable: boolean;
  /** Folder of model bundles, or null for OBSMITH_MODELS or the user's data folder. */
  readonly models_dir: string | null;
  readonly embeddingSections: Readonly<Record<EmbeddingSectionName, EmbeddingSection | null>>;
  readonly download: Readonly<Record<string, Json>>;
  readonly preprocessing: Readonly<Record<string, Json>>;
  readonly dataset_creation: Readonly<Record<string, Json>>;
  /** `dataset_creation.required_obsm_keys`: "X_pca". */
  readonly required_obsm_keys: readonly string[];
  /** Relative to the base: "processed/train/pbmc", the folder of the split folders. */
  readonly input_folder: string;
  /** Relative to the base: "processed_with_emb/train/pbmc". */
  readonly output_folder: string;
  /** Which chunk files count; the one that the embedding sections agree on. */
  readonly input_format: 'auto' | 'zarr' | 'h5ad';
  /** Chunk files named one by one, relative to the base; null: the split folders are listed. */
  readonly input_files: readonly string[] | null;
  /** What was ignored or replaced, in words. */
  readonly notes: readonly string[];
}
