import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ResolvedConfig } from '../config/types.js';
import { discoverChunks } from './discover.js';

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-discover-'));
});
afterEach(() => rm(base, { recursive: true }));

const INPUT = 'processed/train/pbmc';
const OUTPUT = 'processed_with_emb/train/pbmc';

function config(changes: Partial<ResolvedConfig> = {}): ResolvedConfig {
  const relevant = {
    base,
    input_folder: INPUT,
    output_folder: OUTPUT,
    input_format: 'auto',
    input_files: null,
    ...changes,
  };
  return relevant as ResolvedConfig;
}

async function chunkFiles(...files: string[]): Promise<void> {
  for (const file of files) {
    await mkdir(dirname(join(base, INPUT, file)), { recursive: true });
    await writeFile(join(base, INPUT, file), '');
  }
}

test('chunks come split by split in natural order', async () => {
  await chunkFiles(
    'val/chunk_0.zarr',
    'train/chunk_10.zarr',
    'train/chunk_2.zarr',
    'train/chunk_1.h5ad',
    'all/chunk_0.h5ad',
  );
  const chunks = await discoverChunks(config());
  expect(chunks.map((chunk) => chunk.name)).toEqual([
    'train/chunk_1',
    'train/chunk_2',
    'train/chunk_10',
    'val/chunk_0',
    'all/chunk_0',
  ]);
  expect(chunks[2]).toEqual({
    index: 2,
    name: 'train/chunk_10',
    split: 'train',
    stem: 'chunk_10',
    input: 'processed/train/pbmc/train/chunk_10.zarr',
    output: 'processed_with_emb/train/pbmc/train/chunk_10.zarr',
  });
});

test('files left by macOS and NFS, other suffixes and other folders are no chunks; absent splits are none', async () => {
  await chunkFiles(
    'train/chunk_0.zarr',
    'train/._chunk_0.zarr',
    'train/.nfs000001.zarr',
    'train/notes.txt',
    'other/chunk_0.zarr',
  );
  expect((await discoverChunks(config())).map((chunk) => chunk.name)).toEqual(['train/chunk_0']);
  expect(await discoverChunks(config({ input_folder: 'processed/train/absent' }))).toEqual([]);
});

test('input_format chooses', async () => {
  await chunkFiles('train/chunk_0.zarr', 'train/chunk_0.h5ad');
  const [chunk] = await discoverChunks(config({ input_format: 'h5ad' }));
  expect(chunk).toMatchObject({ input: `${INPUT}/train/chunk_0.h5ad`, output: `${OUTPUT}/train/chunk_0.zarr` });
  await expect(discoverChunks(config())).rejects.toMatchObject({
    type: 'InvalidInput',
    message: expect.stringContaining('Chunk train/chunk_0 is there twice'),
    remedy: expect.stringContaining('input_format'),
  });
});

test('input_files replace the listing; their folder is the split', async () => {
  await chunkFiles('train/chunk_0.zarr', 'train/chunk_1.zarr', 'val/chunk_0.zarr');
  const files = [`${INPUT}/val/chunk_0.zarr`, join(base, INPUT, 'train/chunk_1.zarr'), `${INPUT}/train/not_there.zarr`];
  const chunks = await discoverChunks(config({ input_files: files }));
  expect(chunks.map((chunk) => chunk.input)).toEqual([
    `${INPUT}/train/chunk_1.zarr`,
    `${INPUT}/train/not_there.zarr`,
    `${INPUT}/val/chunk_0.zarr`,
  ]);
});

test('inputs among the outputs and links out of the base folder are refused together', async () => {
  await chunkFiles('train/chunk_0.zarr');
  const elsewhere = await mkdtemp(join(tmpdir(), 'obsmith-elsewhere-'));
  await symlink(elsewhere, join(base, INPUT, 'train/chunk_1.zarr'));
  const files = [
    `${INPUT}/train/chunk_0.zarr`,
    `${INPUT}/train/chunk_1.zarr`,
    `${OUTPUT}/train/chunk_2.zarr`,
    '../chunk_3.zarr',
  ];
  const error = await discoverChunks(config({ input_files: files })).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ type: 'InvalidInput' });
  expect((error as { problems: { where: string }[] }).problems.map((problem) => problem.where)).toEqual(files.slice(1));
  await rm(elsewhere, { recursive: true });
});

test('a link that stays inside the base folder is a chunk like any other', async () => {
  await chunkFiles('train/chunk_0.zarr');
  await symlink(join(base, INPUT, 'train/chunk_0.zarr'), join(base, INPUT, 'train/chunk_1.zarr'));
  expect(await discoverChunks(config())).toHaveLength(2);
});

test('a base folder that is not there is a matter of configuration', async () => {
  await expect(discoverChunks(config({ base: join(base, 'absent') }))).rejects.toMatchObject({
    type: 'InvalidConfig',
    message: `Base folder not found: ${join(base, 'absent')}`,
  });
});
