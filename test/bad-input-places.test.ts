import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { planRun } from '../core/plan/plan-run.js';
import { filesBelow } from './publishing.js';
import { fixture, type SmallDataset, smallDataset } from './small-dataset.js';

const YAML = 'embedding_cpu: { methods: [gs, hvg], embedding_dim_map: { hvg: 64 } }\n';
const PBMC = 'pbmc-24/chunk_0.zarr';

let dataset: SmallDataset;
beforeEach(async () => {
  dataset = await smallDataset({ 'train/chunk_0.zarr': PBMC, 'train/chunk_1.zarr': PBMC }, YAML);
});
afterEach(() => dataset.remove());

/** Nothing was planned, staged or published. */
async function expectNoWork(): Promise<void> {
  expect((await readdir(dataset.base)).filter((name) => name.startsWith('processed_with'))).toEqual([]);
  const ours = await readdir(join(dataset.base, '.obsmith')).catch(() => []);
  expect(ours.filter((name) => name !== 'id')).toEqual([]);
}

it('less free space than the plan needs is refused before any work', async () => {
  await expect(planRun({ config: dataset.config }, dataset.base, null, async () => 100_000)).rejects.toMatchObject({
    type: 'InsufficientSpace',
    message: expect.stringMatching(/^The run needs about 0\.\d+ GB below .*, but only 0\.00 GB are free$/),
    remedy: expect.stringContaining('Free space'),
  });
  await expectNoWork();
});

it('an input inside the output tree is refused before any work', async () => {
  const input = 'processed_with_emb/train/toy/train/chunk_0.zarr';
  await cp(fixture(PBMC), join(dataset.base, input), { recursive: true });
  const before = await filesBelow(dataset.base);
  await dataset.configure(`embedding_cpu: { methods: [gs], input_files: [${input}] }\n`);
  await expect(dataset.run()).rejects.toMatchObject({
    type: 'InvalidInput',
    message: `Input ${input} lies inside the output folder processed_with_emb/train/toy`,
    remedy: expect.stringContaining('output_dir'),
  });
  const { 'toy.yaml': _, ...after } = await filesBelow(dataset.base);
  expect(after).toEqual(Object.fromEntries(Object.entries(before).filter(([name]) => name !== 'toy.yaml')));
});

it('a symbolic link out of the base folder is refused before any work', async () => {
  const elsewhere = await mkdtemp(join(tmpdir(), 'obsmith-elsewhere-'));
  try {
    const chunk = dataset.input('train/chunk_1.zarr');
    await rm(chunk, { recursive: true });
    await symlink(elsewhere, chunk);
    await expect(dataset.run()).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(/train\/chunk_1\.zarr leads to .*obsmith-elsewhere-.* outside of the base folder/),
      remedy: expect.stringContaining('below the base folder'),
    });
    await expectNoWork();
  } finally {
    await rm(elsewhere, { recursive: true });
  }
});

it.each(['processed_with_emb', 'processed_with_emb/train/toy/train'])(
  '%s that links out of the base folder is refused before any work',
  async (folder) => {
    const elsewhere = await mkdtemp(`${dataset.base}-elsewhere-`);
    try {
      await mkdir(dirname(join(dataset.base, folder)), { recursive: true });
      await symlink(elsewhere, join(dataset.base, folder));
      await expect(dataset.run()).rejects.toMatchObject({
        type: 'InvalidInput',
        message: expect.stringMatching(
          /^processed_with_emb\/train\/toy\/train leads to .*-elsewhere-.* outside of the base folder/,
        ),
        remedy: expect.stringContaining('below the base folder'),
      });
      expect(await readdir(elsewhere)).toEqual([]);
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  },
);

it('an output of another zarr format than the input fails its chunk alone, and stays as it was', async () => {
  await dataset.run();
  const old = dataset.output('train/chunk_1');
  await rm(old, { recursive: true });
  await cp(fixture('reader/v3.zarr'), old, { recursive: true });
  const before = await filesBelow(old);
  const { status, failures } = await dataset.run();
  expect(status).toBe('failed');
  expect(failures.map(({ chunk, method }) => `${chunk} ${method}`)).toEqual(['train/chunk_1 gs', 'train/chunk_1 hvg']);
  for (const { type, message } of failures) {
    expect(type).toBe('InvalidInput');
    expect(message).toMatch(/train\/chunk_1\.zarr.*zarr.*(v3|3)/);
  }
  expect(await filesBelow(old)).toEqual(before);
});

it('an output that is of another data set fails its chunk alone, and stays as it was', async () => {
  await dataset.run();
  const old = dataset.output('train/chunk_1');
  await rm(old, { recursive: true });
  await cp(fixture('heart-60/chunk_0.zarr'), old, { recursive: true });
  const before = await filesBelow(old);
  const { status, failures } = await dataset.run();
  expect(status).toBe('failed');
  for (const { chunk, type, message } of failures) {
    expect([chunk, type]).toEqual(['train/chunk_1', 'InvalidInput']);
    expect(message).toMatch(/train\/chunk_1\.zarr has 60 cells, but obsm\/X_\w+ has 24 rows.*Move the output away/);
  }
  expect(await filesBelow(old)).toEqual(before);
});

it('a folder that is no store, where an output belongs, fails its chunk alone', async () => {
  await mkdir(dataset.output('train/chunk_0'), { recursive: true });
  const { failures, methods } = await dataset.run();
  expect(methods).toMatchObject({ gs: { computed: 1, failed: 1 }, hvg: { computed: 1, failed: 1 } });
  for (const failure of failures) {
    expect(failure).toMatchObject({ chunk: 'train/chunk_0', type: 'InvalidInput' });
    expect(failure.message).toMatch(/processed_with_emb.*train\/chunk_0\.zarr is not a zarr store/);
  }
  expect(await readdir(dataset.output('train/chunk_0'))).toEqual([]);
  const { warnings, chunks } = JSON.parse(
    await readFile(join(dataset.output('train/chunk_0'), '../../dataset.json'), 'utf8'),
  );
  expect(warnings).toContainEqual(expect.stringContaining('train/chunk_0.zarr is not a zarr store'));
  expect(chunks).toHaveLength(2);
});
