import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findStores } from './find-stores.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-stores-'));
  for (const name of [
    'set/val/chunk_0.zarr',
    'set/train/chunk_10.zarr',
    'set/train/chunk_9.zarr',
    'set/other/x.zarr',
    'unnamed',
    'empty',
  ]) {
    await mkdir(join(folder, name), { recursive: true });
  }
  await writeFile(join(folder, 'set/train/chunk_1.h5ad'), '');
  await writeFile(join(folder, 'set/train/._chunk_1.h5ad'), '');
  await writeFile(join(folder, 'unnamed/.zgroup'), '{}');
});
afterAll(() => rm(folder, { recursive: true }));

test.each([
  ['set/val/chunk_0.zarr', ['set/val/chunk_0.zarr']],
  ['set/val/chunk_0.zarr/', ['set/val/chunk_0.zarr/']],
  ['set/train/chunk_1.h5ad', ['set/train/chunk_1.h5ad']],
  ['unnamed', ['unnamed']],
  ['set/train', ['set/train/chunk_1.h5ad', 'set/train/chunk_9.zarr', 'set/train/chunk_10.zarr']],
  ['set', ['set/train/chunk_1.h5ad', 'set/train/chunk_9.zarr', 'set/train/chunk_10.zarr', 'set/val/chunk_0.zarr']],
])('%s stands for %j', async (path, expected) => {
  expect(await findStores(`${folder}/${path}`)).toEqual(expected.map((name) => `${folder}/${name}`));
});

test('a folder without stores and a path that is not there are refused', async () => {
  await expect(findStores(join(folder, 'empty'))).rejects.toMatchObject({
    type: 'InvalidInput',
    message: expect.stringContaining('No store'),
  });
  await expect(findStores(join(folder, 'absent.zarr'))).rejects.toMatchObject({
    type: 'InvalidInput',
    message: expect.stringContaining('Input file not found'),
  });
});
