import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { provenanceOf, readObsmNode } from '../core/anndata/obsm/obsm-array.js';
import { filesBelow } from './publishing.js';
import { fixture, type SmallDataset, smallDataset } from './small-dataset.js';

const METHODS = 'embedding_cpu: { methods: [hvg, pca], embedding_dim_map: { hvg: 40, pca: 5 } }\n';
const KEEP = `on_stale: keep\n${METHODS}`;
const ADDED = 'train/chunk_2';

let dataset: SmallDataset;
beforeEach(async () => {
  const chunks = ['train/chunk_0.zarr', 'train/chunk_1.zarr'];
  dataset = await smallDataset(Object.fromEntries(chunks.map((chunk) => [chunk, 'pbmc-24/chunk_0.zarr'])), METHODS);
  expect(await dataset.run()).toMatchObject({ status: 'completed' });
  await cp(fixture('pbmc-24/chunk_0.zarr'), dataset.input(`${ADDED}.zarr`), { recursive: true });
});
afterEach(() => dataset.remove());

const fitOf = (chunk: string, method: string): unknown => {
  const node = readObsmNode(dataset.output(chunk), `X_${method}`);
  return node === null || node === 'group' ? null : provenanceOf(node)?.fit;
};
const fitsOf = (method: string) => ['train/chunk_0', 'train/chunk_1', ADDED].map((chunk) => fitOf(chunk, method));
const fitFolder = () => join(dataset.base, '.obsmith/fits');
const actions = async () => {
  const { out } = await dataset.cli('plan', dataset.config, '--json');
  const rows = JSON.parse(out).rows as { chunk: string; method: string; action: string; reason: string }[];
  return rows.map(({ chunk, method, action }) => `${chunk} ${method} ${action}`);
};

it('an added chunk is computed with the fit of the arrays that on_stale keeps, and nothing is fitted', async () => {
  await dataset.configure(KEEP);
  const [kept, fits] = [await filesBelow(dataset.output('train/chunk_0')), await readdir(fitFolder())];
  const planned = [
    'train/chunk_0 hvg skip',
    'train/chunk_0 pca skip',
    'train/chunk_1 hvg skip',
    'train/chunk_1 pca skip',
    `${ADDED} hvg compute`,
    `${ADDED} pca compute`,
  ];
  expect(await actions()).toEqual(planned);
  expect(await dataset.run()).toMatchObject({
    status: 'completed',
    methods: { hvg: { computed: 1, skipped: 2 }, pca: { computed: 1, skipped: 2 } },
  });
  for (const method of ['hvg', 'pca']) expect(new Set(fitsOf(method)).size).toBe(1);
  expect(await filesBelow(dataset.output('train/chunk_0'))).toEqual(kept);
  expect(await readdir(fitFolder())).toEqual(fits);
  expect(await dataset.run()).toMatchObject({ methods: { hvg: { skipped: 3 }, pca: { skipped: 3 } } });
});

it('recomputing fits all anew', async () => {
  const before = fitOf('train/chunk_0', 'hvg');
  expect(await dataset.run()).toMatchObject({ methods: { hvg: { computed: 3 } } });
  expect(new Set(fitsOf('hvg'))).not.toContain(before);
  expect(new Set(fitsOf('hvg')).size).toBe(1);
});

it('a rerun of one chunk keeps the fit of the others, too', async () => {
  await dataset.configure(KEEP);
  const before = fitOf('train/chunk_0', 'hvg');
  const rerun = { overwrite: true, methods: ['hvg'], chunks: ['train/chunk_0'] };
  expect(await dataset.run(rerun)).toMatchObject({ status: 'completed', methods: { hvg: { computed: 1 } } });
  expect(fitOf('train/chunk_0', 'hvg')).toBe(before);
});

it('overwriting all fits anew', async () => {
  await dataset.configure(KEEP);
  const before = fitOf('train/chunk_0', 'hvg');
  expect(await dataset.run({ overwrite: true, methods: ['hvg'] })).toMatchObject({ methods: { hvg: { computed: 3 } } });
  expect(fitOf('train/chunk_0', 'hvg')).not.toBe(before);
});

it('arrays of other parameters are kept, but others get a fit of their own', async () => {
  await dataset.configure(KEEP.replace('hvg: 40', 'hvg: 41'));
  const run = await dataset.run({ methods: ['hvg'] });
  expect(run).toMatchObject({ status: 'completed', methods: { hvg: { computed: 1, skipped: 2 } } });
  expect(fitOf(ADDED, 'hvg')).not.toBe(fitOf('train/chunk_0', 'hvg'));
});

it('where that fit is gone, added chunks are refused with the remedy, and kept arrays stay', async () => {
  await dataset.configure(KEEP);
  await rm(fitFolder(), { recursive: true });
  expect((await actions()).at(-1)).toBe(`${ADDED} pca refused`);
  const run = await dataset.run();
  expect(run).toMatchObject({
    status: 'failed',
    methods: { hvg: { computed: 0, skipped: 2, failed: 1 }, pca: { computed: 0, skipped: 2, failed: 1 } },
  });
  expect(run.failures[0]).toMatchObject({
    chunk: ADDED,
    type: 'InvalidInput',
    message: expect.stringMatching(/The fit that X_hvg of train\/chunk_0 stands on is not there.*on_stale: recompute/),
  });
  await dataset.configure(METHODS);
  expect(await dataset.run()).toMatchObject({ status: 'completed', methods: { hvg: { computed: 3 } } });
});

it('where arrays stand on several fits, added chunks are refused', async () => {
  await dataset.configure(KEEP.replace('[hvg, pca]', '[hvg]'));
  await rm(dataset.input('train/chunk_1.zarr'), { recursive: true });
  await dataset.configure(METHODS.replace('[hvg, pca]', '[hvg]'));
  await dataset.run({ chunks: ['train/chunk_0'] });
  await cp(fixture('pbmc-24/chunk_0.zarr'), dataset.input('train/chunk_1.zarr'), { recursive: true });
  await dataset.configure(KEEP.replace('[hvg, pca]', '[hvg]'));
  const run = await dataset.run();
  expect(run).toMatchObject({ methods: { hvg: { computed: 0, skipped: 2, failed: 1 } } });
  expect(run.failures[0]!.message).toMatch(/stand on 2 fits \(those of train\/chunk_0, train\/chunk_1 differ\)/);
});
