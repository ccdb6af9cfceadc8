import { afterEach, beforeEach, expect, it } from 'vitest';
import { GENEFORMER, geneformerReference, scviReference, TINY_MODELS } from './models-dataset.js';
import { embedding, type SmallDataset, smallDataset } from './small-dataset.js';

const CELLS = 24;
const YAML = `${TINY_MODELS}${GENEFORMER}
embedding_cpu:
  methods: [hvg, pca, scvi_fm, gs, gs10k]
  embedding_dim_map: { hvg: 64, pca: 10 }
  method_options: { scvi_fm: { model: scvi-tiny } }
`;
const METHODS = ['geneformer', 'geneformer-v1', 'gs', 'gs10k', 'hvg', 'pca', 'scvi_fm'];

let dataset: SmallDataset;
beforeEach(async () => {
  const chunks = { 'train/chunk_0.zarr': 'pbmc-24/chunk_0.zarr', 'val/chunk_0.zarr': 'pbmc-24/chunk_0.zarr' };
  dataset = await smallDataset(chunks, YAML);
});
afterEach(() => dataset.remove());

it('every method embeds a data set; models give what PyTorch and scvi-tools give, and outputs verify', async () => {
  const { status, methods } = await dataset.run();
  expect(status).toBe('completed');
  expect(Object.keys(methods).sort()).toEqual(METHODS);
  for (const totals of Object.values(methods)) expect(totals).toMatchObject({ computed: 2, cells: 2 * CELLS });
  const arrays = METHODS.map((method) => `X_${method}`);
  await dataset.expectVisible({ 'train/chunk_0': arrays, 'val/chunk_0': arrays });
  const expected = {
    X_scvi_fm: await scviReference(),
    X_geneformer: await geneformerReference('geneformer-tiny', 'cls'),
    'X_geneformer-v1': await geneformerReference('geneformer-v1-tiny', 'mean'),
  };
  for (const [key, reference] of Object.entries(expected)) {
    for (const chunk of ['train/chunk_0', 'val/chunk_0']) {
      const found = await embedding(dataset.output(chunk), key);
      expect(found).toHaveLength(reference.length);
      const worst = reference.reduce((most, value, at) => Math.max(most, Math.abs(value - found[at]!)), 0);
      expect(worst).toBeLessThan(1e-5);
    }
  }
  expect((await dataset.run()).chunks).toMatchObject({ skipped: 2, completed: 0 });
  const { code, out } = await dataset.cli('verify', 'outputs', dataset.config, '--json');
  expect([code, JSON.parse(out).problems ?? out]).toEqual([0, []]);
});
