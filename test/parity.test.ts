import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { provenanceOf, readObsmNode } from '../core/anndata/obsm/obsm-array.js';
import { DEMO_DATASET, importDemo } from '../core/import/demo.js';
import { QUIET } from '../core/tasks/types.js';
import { embedding, fixture, type SmallDataset, smallDataset } from './small-dataset.js';

/** Embeddings that the original gave for the same cells; see test/fixtures/README.md. */
const reference = async (path: string): Promise<Buffer> => {
  const bytes = await readFile(fixture(path));
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
};

const floats = (bytes: Buffer): Float32Array =>
  new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));

function largestDifference(found: Float32Array, expected: Float32Array): number {
  expect(found.length).toBe(expected.length);
  return found.reduce((largest, value, at) => Math.max(largest, Math.abs(value - expected[at]!)), 0);
}

let dataset: SmallDataset;
afterEach(() => dataset.remove());

describe.each([
  ['pbmc-24', 'chunk_0.zarr'],
  ['heart-60', 'chunk_0.zarr'],
  ['heart-60', 'chunk_0.h5ad'],
])('a whole run on %s/%s', (name, file) => {
  it('gives gs and gs10k of the original byte for byte, and its pca within 1e-4', async () => {
    const yaml = 'embedding_cpu: { methods: [gs, gs10k, pca], method_options: { pca: { model: pretrained } } }\n';
    dataset = await smallDataset({ [`train/${file}`]: `${name}/${file}` }, yaml);
    expect((await dataset.run()).failures).toEqual([]);
    const store = dataset.output('train/chunk_0');
    for (const key of ['X_gs', 'X_gs10k']) {
      const found = Buffer.from((await embedding(store, key)).buffer);
      expect(found.equals(await reference(`${name}/${key}.f32.gz`)), key).toBe(true);
    }
    const pca = floats(await reference(`hvg-pca/${name}_pca.f32`));
    expect(largestDifference(await embedding(store, 'X_pca'), pca)).toBeLessThan(1e-4);
  });
});

describe('hvg and pca over the whole data set', () => {
  it('equal scanpy and float64 numpy on the concatenation of the two bundled samples, imported as the demo does', async () => {
    dataset = await smallDataset({}, '');
    await importDemo(dataset.base, QUIET);
    await dataset.configure('fit_splits: [train, val]\nembedding_cpu: { methods: [hvg, pca] }\n', DEMO_DATASET);
    const outcome = await dataset.run();
    expect(outcome).toMatchObject({ status: 'completed', methods: { hvg: { cells: 400 }, pca: { cells: 400 } } });
    const expected = JSON.parse((await reference('hvg-pca/pbmc.json')).toString()) as { hvg512: string[] };
    const scores = floats(await reference('hvg-pca/pbmc_scores.f32'));
    for (const [at, split] of ['train', 'val'].entries()) {
      const store = join(dataset.base, `processed_with_emb/train/${DEMO_DATASET}/${split}/chunk_0.zarr`);
      const node = readObsmNode(store, 'X_hvg');
      if (node === null || node === 'group') throw new Error('X_hvg was not published');
      expect(provenanceOf(node)!.genes).toEqual(expected.hvg512);
      expect((await embedding(store, 'X_hvg')).length).toBe(200 * 512);
      const pca = await embedding(store, 'X_pca');
      expect(largestDifference(pca, scores.subarray(at * 200 * 50, (at + 1) * 200 * 50))).toBeLessThan(1e-4);
    }
  });
});
