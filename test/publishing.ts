import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publishArray } from '../core/anndata/publish/publish-array.js';
import { stageInput } from '../core/anndata/publish/stage-input.js';
import { claimStagedArray, type StagedArray } from '../core/anndata/publish/staged-array.js';
import { storeFormat } from '../core/anndata/zarr-write/consolidate.js';
import { QUIET } from '../core/tasks/types.js';

export const FIXTURES = fileURLToPath(new URL('fixtures/reader/', import.meta.url));

export const CHUNK = {
  index: 0,
  name: 'train/chunk_0',
  split: 'train',
  stem: 'chunk_0',
  input: 'processed/train/toy/train/chunk_0.zarr',
  output: 'processed_with_emb/train/toy/train/chunk_0.zarr',
};
export const STAGING = '.obsmith/staging/plan/train/chunk_0';
/** Cells of the fixture stores. */
export const CELLS = 60;

/** In memory where the system offers it: hundreds of small stores are written with fsync. */
const TEMPORARY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A base folder with one chunk. */
export interface Sandbox {
  readonly base: string;
  readonly output: string;
  readonly staging: string;
  remove(): Promise<void>;
}

export async function sandbox(fixture = 'v2.zarr'): Promise<Sandbox> {
  const base = await mkdtemp(join(TEMPORARY, 'obsmith-publish-'));
  await mkdir(join(base, '.obsmith'));
  const input = fixture.endsWith('.h5ad') ? CHUNK.input.replace('.zarr', '.h5ad') : CHUNK.input;
  await cp(join(FIXTURES, fixture), join(base, input), { recursive: true });
  return {
    base,
    output: join(base, CHUNK.output),
    staging: join(base, STAGING),
    remove: () => rm(base, { recursive: true, force: true }),
  };
}

export interface Embedding {
  readonly key: string;
  readonly dim: number;
  readonly seed: number;
  readonly compressed?: boolean;
  readonly chunkRows?: number;
}

export const PCA: Embedding = { key: 'X_pca', dim: 5, seed: 1, chunkRows: 16 };
export const GS: Embedding = { key: 'X_gs', dim: 40, seed: 2, compressed: true, chunkRows: 16 };

/** Deterministic values, a tenth of them not zero where the embedding is stored compressed. */
export function valuesOf({ dim, seed, compressed }: Embedding, rows = CELLS): Float32Array {
  let state = seed * 2654435761;
  return Float32Array.from({ length: rows * dim }, (_, at) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return compressed && at % 10 !== 0 ? 0 : 1 + state / 2 ** 32;
  });
}

export const provenanceFor = ({ key, dim, seed }: Embedding) => ({
  method: key.slice(2),
  parameters: { dim },
  algorithmVersion: 1,
  inputDigest: `input-${seed}`,
});
export const signatureFor = (embedding: Embedding): string => `signature-${embedding.key}-${embedding.seed}`;

/** File of a row block of a published array. */
export const blockFile = ({ output }: Sandbox, fixture: string, key: string, at: number): string =>
  join(output, 'obsm', key, fixture === 'v2.zarr' ? `${at}.0` : `c/${at}/0`);

export async function claim(
  { base, staging }: Sandbox,
  embedding: Embedding,
  attempt = 'embed-1',
): Promise<StagedArray> {
  const format = await storeFormat(join(base, CHUNK.input)).catch(() => 'zarr-v2' as const);
  return claimStagedArray(
    { folder: staging, key: embedding.key, attempt, signature: signatureFor(embedding) },
    {
      rows: CELLS,
      dim: embedding.dim,
      chunkRows: embedding.chunkRows ?? 16384,
      format,
      compressed: embedding.compressed ?? false,
    },
  );
}

export async function writeBlocks(staged: StagedArray, embedding: Embedding, blocks = staged.blocks): Promise<void> {
  const values = valuesOf(embedding);
  const length = staged.blockRows * embedding.dim;
  for (let block = 0; block < blocks; block++) {
    if (!staged.done.has(block)) await staged.writeBlock(block, values.subarray(block * length, (block + 1) * length));
  }
}

export async function stageAndSeal(box: Sandbox, embedding: Embedding, attempt?: string): Promise<void> {
  await stageInput({ base: box.base, chunk: CHUNK, staging: STAGING }, QUIET);
  const staged = await claim(box, embedding, attempt);
  await writeBlocks(staged, embedding);
  await staged.seal(provenanceFor(embedding));
}

export const requestFor = ({ base }: Sandbox, embedding: Embedding, attempt = 'publish-1') => ({
  base,
  chunk: CHUNK,
  staging: STAGING,
  key: embedding.key,
  attempt,
  signature: signatureFor(embedding),
});

export async function publish(
  box: Sandbox,
  embedding: Embedding,
  attempt?: string,
): Promise<{ digest: string; bytes: number }> {
  return publishArray(requestFor(box, embedding, attempt), QUIET);
}

/** Every file below a folder with the sha256 of its content. */
export async function filesBelow(folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files[relative(folder, path)] = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  }
  return Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
}
