import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { DatasetFile } from '../core/dataset/dataset-file.js';
import { smallDataset } from './small-dataset.js';

it('a required key that no method of the run makes is one warning, however many chunks lack it', async () => {
  const chunks = Object.fromEntries(
    ['train/chunk_0.zarr', 'train/chunk_1.zarr', 'val/chunk_0.zarr'].map((file) => [file, 'pbmc-24/chunk_0.zarr']),
  );
  const yaml = 'embedding_cpu: { methods: [gs] }\ndataset_creation: { required_obsm_keys: [X_gs, X_pca] }\n';
  const dataset = await smallDataset(chunks, yaml);
  try {
    expect(await dataset.run()).toMatchObject({ status: 'completed' });
    const file = join(dataset.base, 'processed_with_emb/train/toy/dataset.json');
    const { requiredObsmKeys, warnings } = JSON.parse(await readFile(file, 'utf8')) as DatasetFile;
    expect(requiredObsmKeys).toEqual(['X_gs', 'X_pca']);
    expect(warnings).toEqual(['X_pca is in required_obsm_keys but not in 3 of 3 chunks, first train/chunk_0']);
    const before = await readFile(file, 'utf8');
    await dataset.run({ chunks: ['val/chunk_0'], overwrite: true });
    expect(await readFile(file, 'utf8')).toBe(before);
  } finally {
    await dataset.remove();
  }
});
