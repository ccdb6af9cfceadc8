import { z } from 'zod';
import { SPLITS } from '../dataset/layout.js';
import type { Json } from '../methods/types.js';
import { isTree } from './tree.js';

/**
 * Shape of a configuration with the built-in defaults below it. Each leaf says in words what it expects; problems.ts makes
 * messages of that. Rules across keys stand in rules.ts.
 */
const leaf = <T>(expected: string, accepts: (value: unknown) => boolean): z.ZodCustom<T, T> =>
  z.custom<T>((value) => accepts(value), { error: expected });

const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== '';
const isWhole = (value: unknown, least: number) => Number.isSafeInteger(value) && Number(value) >= least;
const oneOf = <const T extends string>(...choices: T[]) =>
  leaf<T>(`one of ${choices.join(', ')}`, (value) => choices.includes(value as T));

const textOrNull = leaf<string | null>('text or null', (value) => value === null || isText(value));
const texts = leaf<string[]>('a list of texts', (value) => Array.isArray(value) && value.every(isText));
const flag = leaf<boolean>('true or false', (value) => typeof value === 'boolean');
const whole = (least: number) => leaf<number>(`a whole number of at least ${least}`, (value) => isWhole(value, least));
const map = leaf<Record<string, Json>>('a mapping of keys', isTree);
const mapOrNull = leaf<Record<string, Json> | null>(
  'a mapping of keys or null',
  (value) => value === null || isTree(value),
);
const files = leaf<string[] | null>(
  'a list of paths or null',
  (value) => value === null || (Array.isArray(value) && value.every(isText)),
);

/** Becomes a folder name and part of a workflow id. */
const datasetName = leaf<string>(
  'a name (text without / \\ or a leading dot)',
  (value) => isText(value) && value.trim() === value && /^[^./\\\p{Cc}][^/\\\p{Cc}]{0,199}$/u.test(value),
);

const EMBEDDING = {
  enabled: flag,
  execution_location: oneOf('local', 'cpu', 'gpu'),
  methods: texts,
  memory_gb: leaf<number>(
    'a number above 0',
    (value) => typeof value === 'number' && value > 0 && Number.isFinite(value),
  ),
  batch_size: whole(1),
  init_kwargs: mapOrNull,
  embedding_dim_map: z.record(z.string(), whole(1)),
  method_options: z.record(z.string(), map),
  input_format: oneOf('auto', 'zarr', 'h5ad'),
  output_format: leaf<'zarr'>('zarr (outputs are always zarr stores)', (value) => value === 'zarr' || value === 'auto'),
  overwrite: flag,
  chunk_rows: whole(1),
  venv_path: textOrNull,
  batch_key: textOrNull.optional(),
  input_files: files.optional(),
  output_dir: textOrNull.optional(),
};

export const embeddingSchema = z.strictObject(EMBEDDING);

/** In sections of steps that are not run a list may stand where a scalar is expected, and other keys are let through. */
const orList = <T extends z.ZodType>(expected: string, accepts: (value: unknown) => boolean) =>
  leaf<z.infer<T>>(expected, (value) => (Array.isArray(value) ? value.every(accepts) : accepts(value)));
const orNull = (accepts: (value: unknown) => boolean) => (value: unknown) => value === null || accepts(value);
const positive = orList(
  'a whole number of at least 1, or null',
  orNull((value) => isWhole(value, 1)),
).optional();
const seed = orList(
  'a whole number, or null',
  orNull((value) => Number.isSafeInteger(value)),
).optional();
const fraction = orList(
  'a number between 0 and 1 (both excluded), or null',
  orNull((value) => typeof value === 'number' && value > 0 && value < 1),
).optional();

export const configSchema = z.strictObject({
  dataset: z.strictObject({
    name: datasetName,
    description: textOrNull,
    download_url: textOrNull,
    full_name: textOrNull,
    file_path: textOrNull.optional(),
  }),
  base_file_path: textOrNull,
  batch_key: textOrNull,
  annotation_key: textOrNull,
  caption_key: textOrNull,
  instrument_key: textOrNull,
  other_bio_labels: texts,
  split_dataset: flag,
  input_files: files,
  fit_splits: leaf<'auto' | string[]>(
    `auto or a list of ${SPLITS.join(', ')}`,
    (value) => value === 'auto' || (Array.isArray(value) && value.length > 0 && value.every((split) => isText(split))),
  ),
  max_failed_chunks: whole(0),
  max_open_chunks: whole(1),
  on_stale: oneOf('recompute', 'keep', 'fail'),
  adopt_existing: flag,
  skip_unavailable: flag,
  models_dir: textOrNull,
  download: z.looseObject({ subset_size: positive, seed }),
  preprocessing: z.looseObject({
    min_cells: positive,
    min_genes: positive,
    n_top_genes: positive,
    train_split: fraction,
    random_seed: seed,
    split_dataset: flag,
    output_dir: textOrNull.optional(),
  }),
  embedding_preparation: embeddingSchema.nullable(),
  embedding_cpu: embeddingSchema.nullable(),
  embedding_gpu: embeddingSchema.nullable(),
  dataset_creation: z.looseObject({ required_obsm_keys: texts }),
});

export type CheckedConfig = z.infer<typeof configSchema>;
export type CheckedSection = z.infer<typeof embeddingSchema>;

/** Top-level sections of steps that Obsmith does not run. */
export const IGNORED_SECTIONS = ['download', 'preprocessing', 'dataset_creation'] as const;
