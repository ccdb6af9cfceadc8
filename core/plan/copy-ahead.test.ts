import { cp, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { type SmallDataset, smallDataset } from '../../test/small-dataset.js';
import { runInline } from '../tasks/run-inline.js';
import { QUIET } from '../tasks/types.js';
import type { RunRequest } from './types.js';

const datasets: SmallDataset[] = [];
afterEach(async () => {
  for (const dataset of datasets.splice(0)) await dataset.remove();
});

const CHUNKS = ['train/chunk_0', 'train/chunk_1', 'val/chunk_0'];

/** What a run may copy while fits are made, where these outputs are there. */
async function aheadOf(yaml: string, outputs: readonly string[], request: Omit<RunRequest, 'config'> = {}) {
  const files = Object.fromEntries(CHUNKS.map((name) => [`${name}.zarr`, 'pbmc-24/chunk_0.zarr']));
  const dataset = await smallDataset(files, yaml);
  datasets.push(dataset);
  for (const name of outputs) {
    await mkdir(dirname(dataset.output(name)), { recursive: true });
    await cp(dataset.input(`${name}.zarr`), dataset.output(name), { recursive: true });
  }
  const task = { request: { config: dataset.config, ...request }, folder: dataset.base };
  return (await runInline('planRun', task, QUIET)).copyAhead;
}

const HVG = 'embedding_cpu: { methods: [hvg] }\n';

it.each([
  ['all chunks', HVG, [], { from: 0, to: 3 }],
  ['as many as are open at once', `${HVG}max_open_chunks: 2\n`, [], { from: 0, to: 2 }],
  ['from the first chunk without an output on', HVG, ['train/chunk_0'], { from: 1, to: 3 }],
  ['nothing where all outputs are there', HVG, CHUNKS, undefined],
  ['nothing where methods without a fit copy the inputs', 'embedding_cpu: { methods: [hvg, gs] }\n', [], undefined],
])('a run copies %s while fits are made', async (_, yaml, outputs, expected) => {
  expect(await aheadOf(yaml, outputs)).toEqual(expected);
});

it('a run of single chunks copies no others', async () => {
  expect(await aheadOf(HVG, [], { chunks: ['val/chunk_0'] })).toEqual({ from: 0, to: 1 });
});
