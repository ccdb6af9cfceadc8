import { readdir } from 'node:fs/promises';
import { basename, extname, isAbsolute, join, posix, relative } from 'node:path';
import type { ResolvedConfig } from '../config/types.js';
import { fromSystemError, invalidInput, isObsmithError, ObsmithError, type Problem } from '../errors.js';
import { requireBaseFolder } from './base-folder.js';
import { isInside, resolveInside, SPLITS } from './layout.js';
import type { ChunkReference } from './types.js';

type Found = Pick<ChunkReference, 'split' | 'stem' | 'input'>;

const FORMATS = { auto: ['.zarr', '.h5ad'], zarr: ['.zarr'], h5ad: ['.h5ad'] } as const;
const byNumber = new Intl.Collator('en', { numeric: true });

/**
 * The data set's chunks in order (splits train, val, all, then natural: chunk_2 before chunk_10): those named by
 * `input_files`, else all in the split folders. Whether a chunk can be read is not looked at. Throws InvalidConfig where the
 * base folder is not there, and InvalidInput with every chunk or output folder that leaves it, and every chunk that lies among
 * the outputs or is there twice.
 */
export async function discoverChunks(config: ResolvedConfig): Promise<ChunkReference[]> {
  const { chunks, problems } = await findChunks(config);
  if (problems.length === 0) return chunks;
  const message =
    problems.length === 1 ? problems[0]!.message : `${problems.length} chunk files or folders cannot be used`;
  throw new ObsmithError({ type: 'InvalidInput', message, remedy: problems[0]!.remedy, problems });
}

/** The same, with what is wrong where they lie told instead of thrown. */
export async function findChunks(config: ResolvedConfig): Promise<{ chunks: ChunkReference[]; problems: Problem[] }> {
  await requireBaseFolder(config.base);
  const found =
    config.input_files === null ? await listSplits(config) : config.input_files.map((file) => named(config.base, file));
  const problems = [...(await placementProblems(config, found)), ...duplicateProblems(found)];
  const chunks = found.sort(inOrder).map((chunk, index) => ({
    index,
    name: posix.join(chunk.split, chunk.stem),
    ...chunk,
    output: posix.join(config.output_folder, chunk.split, `${chunk.stem}.zarr`),
  }));
  return { chunks, problems };
}

/** What to say of a data set without chunks. */
export function noChunks({ input_folder, dataset }: ResolvedConfig): ObsmithError {
  return invalidInput(
    `Input file not found: no chunk_*.zarr or chunk_*.h5ad below ${input_folder} (splits train, val, all)`,
    `Check dataset.name and base_file_path, or make chunks with: obsmith import FILE... --dataset ${dataset.name}`,
  );
}

async function listSplits({ base, input_folder, input_format }: ResolvedConfig): Promise<Found[]> {
  const suffixes: readonly string[] = FORMATS[input_format];
  const found: Found[] = [];
  for (const split of SPLITS) {
    for (const name of await listFolder(join(base, input_folder, split))) {
      const suffix = extname(name);
      // "._chunk_0.zarr" and ".nfs0001" are left by macOS and NFS.
      if (name.startsWith('.') || !suffixes.includes(suffix)) continue;
      found.push({ split, stem: basename(name, suffix), input: posix.join(input_folder, split, name) });
    }
  }
  return found;
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw fromSystemError(error, folder);
  }
}

/** A file named by the configuration; its split is the name of the folder that it lies in. */
function named(base: string, file: string): Found {
  const input = posix.normalize(isAbsolute(file) ? relative(base, file) : file);
  return { split: posix.basename(posix.dirname(input)), stem: posix.basename(input, posix.extname(input)), input };
}

async function placementProblems(config: ResolvedConfig, found: readonly Found[]): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const { input } of found) {
    if (isInside(config.output_folder, input)) {
      problems.push({
        where: input,
        message: `Input ${input} lies inside the output folder ${config.output_folder}`,
        remedy: 'Name the chunks below processed/ as input_files, or another output_dir.',
      });
      continue;
    }
    problems.push(...(await leavingProblems(config.base, input)));
  }
  for (const split of new Set(found.map((chunk) => chunk.split))) {
    problems.push(...(await leavingProblems(config.base, posix.join(config.output_folder, split))));
  }
  return problems;
}

async function leavingProblems(base: string, path: string): Promise<Problem[]> {
  try {
    await resolveInside(base, path);
    return [];
  } catch (error) {
    if (!isObsmithError(error)) throw error;
    return [{ where: path, message: error.message, remedy: error.remedy }];
  }
}

function duplicateProblems(found: readonly Found[]): Problem[] {
  const seen = new Map<string, string>();
  const problems: Problem[] = [];
  for (const { split, stem, input } of found) {
    const name = posix.join(split, stem);
    const other = seen.get(name);
    if (other === undefined) seen.set(name, input);
    else {
      problems.push({
        where: input,
        message: `Chunk ${name} is there twice: ${other} and ${input}`,
        remedy: 'Remove one of them, or set input_format: zarr (or h5ad) to choose.',
      });
    }
  }
  return problems;
}

function inOrder(a: Found, b: Found): number {
  return (
    rank(a.split) - rank(b.split) ||
    byNumber.compare(a.split, b.split) ||
    byNumber.compare(a.stem, b.stem) ||
    (a.stem < b.stem ? -1 : 1)
  );
}

function rank(split: string): number {
  const position = (SPLITS as readonly string[]).indexOf(split);
  return position < 0 ? SPLITS.length : position;
}
