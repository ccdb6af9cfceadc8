import { isAbsolute, posix, relative, resolve } from 'node:path';
import { inputFolder, isInside, OBSMITH_FOLDER, outputFolder, rawFile } from '../dataset/layout.js';
import type { Json } from '../methods/types.js';
import type { ConfigProblems } from './problems.js';
import type { CheckedConfig, CheckedSection } from './schema.js';
import { formatValue, type KeyPath } from './tree.js';
import { EMBEDDING_SECTIONS, type EmbeddingSection, type EmbeddingSectionName, type ResolvedConfig } from './types.js';

type Derived = Omit<ResolvedConfig, 'notes' | 'file'>;

/**
 * Fills in what follows from other keys: the folders of the data set (only where the user did not set them), the common
 * keys copied into the sections, and input files, format and output folder that the embedding sections must agree on.
 * Every path becomes relative to the base folder; those that leave it are added to `problems`.
 */
export function derive(checked: CheckedConfig, base: string, problems: ConfigProblems): Derived {
  const {
    base_file_path: _base,
    input_files: topLevelFiles,
    embedding_preparation,
    embedding_cpu,
    embedding_gpu,
    ...rest
  } = checked;
  const sections: Record<EmbeddingSectionName, CheckedSection | null> = {
    embedding_preparation,
    embedding_cpu,
    embedding_gpu,
  };
  const { name, full_name } = checked.dataset;
  const split = checked.preprocessing.split_dataset;
  const inside = (path: KeyPath, value: string) => insideBase(base, path, value, problems);

  const given = checked.preprocessing.output_dir;
  const input_folder = given ? inside(['preprocessing', 'output_dir'], given) : inputFolder(split, name);
  const output_folder =
    agreed(sections, 'output_dir', (path, dir) => inside(path, dir), problems) ?? outputFolder(split, name);
  checkFolders(input_folder, output_folder, sections, problems);
  const sectionFiles = agreed(
    sections,
    'input_files',
    (path, files) => files.map((file) => inside(path, file)),
    problems,
  );
  const input_files = topLevelFiles?.map((file) => inside(['input_files'], file)) ?? sectionFiles;
  const input_format =
    agreed(sections, 'input_format', (_path, format) => (format === 'auto' ? null : format), problems) ?? 'auto';

  const complete = (section: EmbeddingSectionName): EmbeddingSection | null => {
    const written = sections[section];
    if (written === null) return null;
    const batch_key = batchKey(section, written, checked.batch_key, problems);
    return { ...written, output_format: 'zarr', batch_key, input_files, output_dir: output_folder };
  };
  return {
    ...rest,
    base,
    dataset: { ...checked.dataset, file_path: checked.dataset.file_path ?? rawFile(split, name) },
    split_dataset: split,
    embeddingSections: {
      embedding_preparation: complete('embedding_preparation'),
      embedding_cpu: complete('embedding_cpu'),
      embedding_gpu: complete('embedding_gpu'),
    },
    ...stepsNotRun(checked, {
      full: rawFile(split, full_name ?? `${name}_full`),
      raw: rawFile(split, name),
      input_folder,
      output_folder,
    }),
    required_obsm_keys: checked.dataset_creation.required_obsm_keys,
    input_folder,
    output_folder,
    input_format,
    input_files,
  };
}

/** Derived keys of the steps that other tools run, for the record; what the user set stays. */
function stepsNotRun(
  checked: CheckedConfig,
  paths: { full: string; raw: string; input_folder: string; output_folder: string },
): Pick<Derived, 'download' | 'preprocessing' | 'dataset_creation'> {
  const { batch_key, annotation_key, caption_key, instrument_key, other_bio_labels } = checked;
  const present = (...keys: (string | null)[]): string[] => keys.filter((key) => key !== null);
  const categories = present(batch_key, annotation_key);
  const interest = [...present(batch_key, annotation_key, instrument_key), ...other_bio_labels];
  const filled = (section: object, derived: Record<string, Json>): Record<string, Json> => {
    const set = Object.entries(section).filter(([key, value]) => value !== null || !(key in derived));
    return { ...section, ...derived, ...Object.fromEntries(set) };
  };
  const copied = (name: string, value: string | null) => (value === null ? {} : { [name]: value });
  return {
    download: {
      ...filled(checked.download, { full_file_path: paths.full, output_path: paths.raw }),
      ...(categories.length > 0 ? { stratify_keys: categories } : {}),
    },
    preprocessing: {
      ...filled(checked.preprocessing, { input_file: paths.raw, output_dir: paths.input_folder }),
      ...copied('batch_key', batch_key),
      ...copied('instrument_key', instrument_key),
      ...(categories.length > 0 ? { consolidation_categories: categories } : {}),
      ...(interest.length > 0 ? { categories_of_interest: interest } : {}),
    },
    dataset_creation: {
      ...filled(checked.dataset_creation, { data_dir: paths.output_folder }),
      ...copied('annotation_key', annotation_key),
      ...copied('caption_key', caption_key),
    },
  };
}

/** Value of a key that all embedding sections which set it must agree on; null where none does. */
function agreed<Key extends 'output_dir' | 'input_files' | 'input_format', Value>(
  sections: Readonly<Record<EmbeddingSectionName, CheckedSection | null>>,
  key: Key,
  read: (path: KeyPath, value: NonNullable<CheckedSection[Key]>) => Value | null,
  problems: ConfigProblems,
): Value | null {
  let first: { section: string; value: Value } | null = null;
  for (const section of EMBEDDING_SECTIONS) {
    const written = sections[section]?.[key];
    if (written === undefined || written === null) continue;
    const value = read([section, key], written as NonNullable<CheckedSection[Key]>);
    if (value === null) continue;
    first ??= { section, value };
    if (formatValue(first.value) === formatValue(value)) continue;
    const message = `${formatValue(value)} disagrees with ${first.section}.${key}: ${formatValue(first.value)}`;
    problems.add(
      [section, key],
      message,
      'All sections work on the same chunks and outputs: set it alike, or in one section only.',
    );
  }
  return first?.value ?? null;
}

function insideBase(base: string, path: KeyPath, value: string, problems: ConfigProblems): string {
  const absolute = resolve(base, value);
  if (!isInside(base, absolute) || absolute === base) {
    problems.add(
      path,
      `${formatValue(value)} lies outside of the base folder ${base}`,
      'Name a path below the base folder, relative to it.',
    );
  }
  return posix.normalize(isAbsolute(value) ? relative(base, absolute) : value).replace(/\/$/, '');
}

function checkFolders(
  input: string,
  output: string,
  sections: Readonly<Record<EmbeddingSectionName, CheckedSection | null>>,
  problems: ConfigProblems,
): void {
  const section = EMBEDDING_SECTIONS.find((name) => sections[name]?.output_dir) ?? 'embedding_cpu';
  const path = [section, 'output_dir'];
  const remedy = 'Remove output_dir to use processed_with_emb/, or name another folder.';
  if (isInside(output, input) || isInside(input, output)) {
    problems.add(path, `inputs (${input}) and outputs (${output}) must not lie inside one another`, remedy);
  }
  if (isInside(OBSMITH_FOLDER, output))
    problems.add(path, `${output} lies in the folder of run data, ${OBSMITH_FOLDER}`, remedy);
}

function batchKey(
  section: EmbeddingSectionName,
  written: CheckedSection,
  common: string | null,
  problems: ConfigProblems,
): string | null {
  const own = written.batch_key ?? null;
  if (own !== null && common !== null && own !== common) {
    problems.add(
      [section, 'batch_key'],
      `${formatValue(own)} disagrees with batch_key: ${formatValue(common)}`,
      'Set batch_key once, at the top level.',
    );
  }
  return common ?? own;
}
