import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type BenchDataset, benchDataset } from '../bench/dataset.js';

export const CHUNKS = 12;
const CELLS_PER_CHUNK = 700;
const GENES = 2_000;
/** Few, so that every array has many row blocks: the checkpoints. */
export const BLOCK_ROWS = 64;
export const METHODS = ['hvg', 'pca', 'gs'] as const;
export const ROWS = CHUNKS * CELLS_PER_CHUNK * METHODS.length;

/** Digests by path. */
export type Digests = Readonly<Record<string, string>>;

/** A simulated data set of 12 chunks below `folder`, with methods with and without fits. */
export async function chaosDataset(folder: string, seed: number): Promise<BenchDataset> {
  const shape = { cells: CHUNKS * CELLS_PER_CHUNK, genes: GENES, chunks: CHUNKS, seed, format: 'zarr-v2' as const };
  const dataset = await benchDataset(folder, shape, METHODS);
  await writeFile(
    dataset.config,
    `base_file_path: ${JSON.stringify(dataset.base)}
dataset: { name: bench }
batch_key: batch
split_dataset: false
max_open_chunks: 4
embedding_cpu: { methods: [${METHODS.join(', ')}], chunk_rows: ${BLOCK_ROWS} }
`,
  );
  return dataset;
}

/** Rows of a row block of a chunk. */
export const rowsOfBlock = (block: number): number => Math.min(BLOCK_ROWS, CELLS_PER_CHUNK - block * BLOCK_ROWS);

/** sha256 of every file below a folder. */
export async function digestsBelow(folder: string): Promise<Digests> {
  const digests: Record<string, string> = {};
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    digests[relative(folder, path)] = await digestOf(path);
  }
  return digests;
}

export const digestOf = async (file: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');

/** One digest of all files. */
export function totalDigest(digests: Digests): string {
  const hash = createHash('sha256');
  for (const path of Object.keys(digests).sort()) hash.update(`${path} ${digests[path]}\n`);
  return hash.digest('hex');
}
