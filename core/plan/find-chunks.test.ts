import { afterAll, beforeAll, expect, it } from 'vitest';
import { type SmallDataset, smallDataset } from '../../test/small-dataset.js';
import type { PlanLocation } from '../tasks/definitions.js';
import { findChunks } from './find-chunks.js';
import { planRun } from './plan-run.js';

let dataset: SmallDataset;
let location: PlanLocation;
beforeAll(async () => {
  const chunk = 'pbmc-24/chunk_0.zarr';
  dataset = await smallDataset(
    { 'train/chunk_0.zarr': chunk, 'train/chunk_1.zarr': chunk, 'val/chunk_0.zarr': chunk },
    'embedding_cpu: { methods: [gs10k] }\n',
  );
  const { base, plan } = await planRun({ config: dataset.config }, dataset.base);
  location = { base, plan };
});
afterAll(() => dataset.remove());

it('gives the indexes of chunks by name, or by stem where only one split has it', async () => {
  expect(await findChunks(location, ['val/chunk_0', 'chunk_1', 'train/chunk_1'])).toEqual([1, 2]);
});

it('refuses unknown and ambiguous names with the valid ones', async () => {
  await expect(findChunks(location, ['train/chunk_7'])).rejects.toMatchObject({
    type: 'InvalidInput',
    remedy: 'Valid are train/chunk_0, train/chunk_1, val/chunk_0.',
  });
  await expect(findChunks(location, ['chunk_0'])).rejects.toMatchObject({
    remedy: 'Name one of train/chunk_0, val/chunk_0.',
  });
});
