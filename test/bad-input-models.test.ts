import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openZarr } from '../core/anndata/zarr/open-zarr.js';
import { fixture, type SmallDataset, smallDataset, writeNumbers } from './small-dataset.js';

const CHUNKS = { 'train/chunk_0.zarr': 'pbmc-24/chunk_0.zarr', 'val/chunk_0.zarr': 'pbmc-24/chunk_0.zarr' };
const SCVI = `method_options: { scvi_fm: { model: ${JSON.stringify(fixture('models/scvi-tiny'))} } }`;

let dataset: SmallDataset;
beforeEach(async () => {
  dataset = await smallDataset(CHUNKS, `max_failed_chunks: 1\nembedding_cpu: { methods: [gs, scvi_fm], ${SCVI} }\n`);
});
afterEach(() => dataset.remove());

/** Puts other values into X of val/chunk_0. */
async function changeX(change: (value: number) => number): Promise<void> {
  const store = dataset.input('val/chunk_0.zarr');
  const values: number[] = [];
  for await (const block of (await openZarr(store)).rowBlocks('X')) values.push(...block.values);
  await writeNumbers(join(store, 'X/data'), Float32Array.from(values, change));
}

it('a scaled X fails the methods that read expression; those that read counts go on', async () => {
  await changeX((value) => value - 1.5);
  const { status, failures } = await dataset.run();
  expect(status).toBe('partial');
  expect(failures).toMatchObject([
    { chunk: 'val/chunk_0', method: 'gs', type: 'InvalidInput', message: expect.stringContaining('negative values') },
  ]);
  await dataset.expectVisible({ 'train/chunk_0': ['X_gs', 'X_scvi_fm'], 'val/chunk_0': ['X_scvi_fm'] });
});
