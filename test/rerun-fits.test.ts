import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { filesBelow } from './publishing.js';
import { fixture, type SmallDataset, smallDataset } from './small-dataset.js';

const YAML = 'embedding_cpu: { methods: [hvg, gs], embedding_dim_map: { hvg: 40 } }\n';
const CHUNKS = ['train/chunk_0', 'train/chunk_1', 'train/chunk_2'];
const RERUN = { overwrite: true, methods: ['hvg'], chunks: ['train/chunk_0'] };

let dataset: SmallDataset;
beforeEach(async () => {
  dataset = await smallDataset(
    Object.fromEntries(CHUNKS.map((chunk) => [`${chunk}.zarr`, 'pbmc-24/chunk_0.zarr'])),
    YAML,
  );
  expect(await dataset.run()).toMatchObject({ status: 'completed' });
});
afterEach(() => dataset.remove());

const outputs = () => filesBelow(join(dataset.base, 'processed_with_emb'));

it('a rerun of one chunk reuses the fit of all, and gives the same bytes', async () => {
  const before = await outputs();
  expect(await dataset.run(RERUN)).toMatchObject({ status: 'completed', methods: { hvg: { computed: 1 } } });
  expect(await outputs()).toEqual(before);
});

it('a rerun of one chunk is refused where its fit is not that of the other arrays any more, which are named', async () => {
  await dataset.configure(YAML.replace('hvg: 40', 'hvg: 41'));
  const before = await outputs();
  const refused = await dataset.run(RERUN);
  expect(refused).toMatchObject({ status: 'failed', methods: { hvg: { computed: 0, failed: 1 } } });
  expect(refused.failures[0]).toMatchObject({
    ...{ chunk: 'train/chunk_0', method: 'hvg', type: 'InvalidInput' },
    message: expect.stringMatching(
      /X_hvg of train\/chunk_1, train\/chunk_2 stand on another fit.*on all chunks \(without --chunk\)/,
    ),
  });
  const { 'train/toy/dataset.json': _, ...unchanged } = before;
  expect(await outputs()).toMatchObject(unchanged);
  expect(await dataset.run({ overwrite: true, methods: ['hvg'] })).toMatchObject({ methods: { hvg: { computed: 3 } } });
});

it('a run of an added chunk alone is refused, because other arrays would stay on another fit', async () => {
  await cp(fixture('pbmc-24/chunk_0.zarr'), dataset.input('train/chunk_3.zarr'), { recursive: true });
  const scoped = await dataset.run({ chunks: ['train/chunk_3'] });
  expect(scoped).toMatchObject({ status: 'failed', methods: { gs: { computed: 1 }, hvg: { failed: 1 } } });
  expect(scoped.failures[0]?.message).toMatch(/X_hvg of train\/chunk_0, .*stand on another fit.*on_stale: keep/);
  expect(await dataset.run()).toMatchObject({ status: 'completed', methods: { hvg: { computed: 4 } } });
});
