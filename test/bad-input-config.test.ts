import { readdir, rm } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Problem } from '../core/errors.js';
import { type SmallDataset, smallDataset } from './small-dataset.js';

let dataset: SmallDataset;
beforeEach(async () => {
  dataset = await smallDataset({ 'train/chunk_0.zarr': 'pbmc-24/chunk_0.zarr' }, '');
});
afterEach(() => dataset.remove());

interface Refusal {
  readonly type: string;
  readonly message: string;
  readonly remedy: string;
  readonly problems: readonly Problem[];
}

/** `run --json` and `plan --json` refuse alike with 2; nothing is started, not even a server, and nothing is written. */
async function refusal(...flags: string[]): Promise<Refusal> {
  const run = await dataset.cli('run', dataset.config, '--json', ...flags);
  const plan = await dataset.cli('plan', dataset.config, '--json', ...flags);
  expect([run.code, plan.code]).toEqual([2, 2]);
  expect(run.out).toBe(plan.out);
  expect((await readdir(dataset.base)).filter((name) => name !== 'toy.yaml')).toEqual(['processed']);
  return (JSON.parse(plan.out) as { error: Refusal }).error;
}

it.each([
  [
    'no section',
    'split_dataset: true\n',
    /^No embedding configuration found/,
    /Add a section with at least one method/,
  ],
  [
    'no methods',
    'embedding_cpu: { methods: [] }\n',
    /No embedding configuration found/,
    /Add a section with at least one method/,
  ],
  [
    'an unknown method',
    'embedding_cpu: { methods: [hgv] }\n',
    /embedding_cpu\.methods\[0\]: unknown method "hgv"/,
    /Did you mean "hvg"\?/,
  ],
  [
    'a wrong dimension',
    'embedding_cpu: { methods: [gs], embedding_dim_map: { gs: 512 } }\n',
    /embedding_cpu\.embedding_dim_map\.gs.*512/,
    /3936|Remove|remove/,
  ],
  ['a method whose model is not there', 'embedding_gpu: { methods: [scvi_fm] }\n', /scvi_fm/, /.+/],
  [
    'an unknown key',
    'embedding_cpu: { methods: [gs], batchsize: 3 }\n',
    /embedding_cpu\.batchsize: unknown key/,
    /Did you mean "batch_size"\?/,
  ],
])('%s is refused with 2, its place and its remedy', async (_, yaml, message, remedy) => {
  await dataset.configure(yaml);
  const { type, problems, ...error } = await refusal();
  expect(['InvalidConfig', 'MissingModel']).toContain(type);
  expect(problems[0]?.message ?? error.message).toMatch(message);
  expect(problems[0]?.remedy ?? error.remedy).toMatch(remedy);
});

it('a section that the file does not have is refused with 2', async () => {
  await dataset.configure('embedding_cpu: { methods: [gs] }\n');
  expect(await refusal('--section', 'embedding_gpu')).toMatchObject({
    type: 'InvalidConfig',
    message: 'No embedding configuration found: no section embedding_gpu',
    remedy: 'The configuration has embedding_cpu.',
  });
});

it('a configuration file that is not there is refused with 2', async () => {
  await rm(dataset.config);
  expect(await refusal()).toMatchObject({
    type: 'InvalidConfig',
    message: expect.stringContaining('toy.yaml'),
  });
});

it('a data set without chunks is refused, naming where they were looked for', async () => {
  await dataset.configure('embedding_cpu: { methods: [gs] }\n');
  await rm(dataset.input('train'), { recursive: true });
  await expect(dataset.run()).rejects.toMatchObject({
    type: 'InvalidInput',
    message: expect.stringMatching(/^Input file not found: no chunk_\*.*processed\/train\/toy/),
    remedy: expect.stringContaining('obsmith import'),
  });
});
