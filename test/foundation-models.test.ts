import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { embedding, fixture, type SmallDataset, smallDataset } from './small-dataset.js';

const CELLS = 24;
const MODELS = JSON.stringify(fixture('models'));
const YAML = `
models_dir: ${MODELS}
embedding_cpu:
  methods: [hvg, pca, scvi_fm, gs, gs10k]
  embedding_dim_map: { hvg: 64, pca: 10 }
  method_options: { scvi_fm: { model: scvi-tiny } }
embedding_gpu:
  methods: [geneformer, geneformer-v1]
  embedding_dim_map: { geneformer: 32, geneformer-v1: 24 }
  method_options: { geneformer: { model: geneformer-tiny }, geneformer-v1: { model: geneformer-v1-tiny } }
`;
const METHODS = ['geneformer', 'geneformer-v1', 'gs', 'gs10k', 'hvg', 'pca', 'scvi_fm'];

let dataset: SmallDataset;
beforeEach(async () => {
  const chunks = { 'train/chunk_0.zarr': 'pbmc-24/chunk_0.zarr', 'val/chunk_0.zarr': 'pbmc-24/chunk_0.zarr' };
  dataset = await smallDataset(chunks, YAML);
});
afterEach(() => dataset.remove());

/** What PyTorch gives for the tokens of the genuine tokenizer, cell by cell. */
async function geneformerReference(model: string, pooling: 'cls' | 'mean'): Promise<number[]> {
  const cells = JSON.parse(gunzipSync(await readFile(fixture(`models/${model}_pbmc-24.json.gz`))).toString());
  return cells.flatMap((cell: Record<'cls' | 'mean', number[]>) => cell[pooling]);
}

async function scviReference(): Promise<number[]> {
  const bytes = await readFile(fixture('models/scvi-tiny_pbmc-24.f32'));
  return [...new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))];
}

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
