import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { invalidInput } from '../errors.js';
import type { PlannedMethod } from '../plan/types.js';
import { withinBatchLimit } from './batch-limit.js';
import { deviceError } from './device-error.js';

const planned = (method: string): PlannedMethod => ({ method, batchSize: 100 }) as PlannedMethod;

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-batch-'));
});
afterEach(() => rm(base, { recursive: true }));

/** Embeds with a device that holds `fitting` cells; gives the size of batches, or the error. */
const embed = (fitting: number, asked?: number, plan = 'run', method = 'geneformer') =>
  withinBatchLimit({ base, plan }, planned(method), asked, async ({ batchSize }) => {
    if (batchSize > fitting) throw deviceError('cuda:0', new Error('CUDA failure 2: out of memory ; GPU=0'));
    return { cells: 7 };
  });
const failed = (fitting: number, asked?: number) => embed(fitting, asked).catch((error) => error);

it('runs with what was planned, or asked for where that is less', async () => {
  expect(await embed(1_000)).toEqual({ cells: 7, batchSize: 100 });
  expect(await embed(1_000, 32)).toMatchObject({ batchSize: 32 });
  expect(await embed(1_000, 500)).toMatchObject({ batchSize: 100 });
});

it('remembers half of what did not fit for the rest of the run, of that method', async () => {
  expect(await failed(30)).toMatchObject({ type: 'CudaOutOfMemory', batchSize: 100, retryable: false });
  expect(await failed(30)).toMatchObject({ batchSize: 50 });
  expect(await embed(30)).toMatchObject({ batchSize: 25 });
  expect(await embed(30, 8)).toMatchObject({ batchSize: 8 });
  expect(await embed(30)).toMatchObject({ batchSize: 25 });
  expect(await embed(1_000, undefined, 'another run')).toMatchObject({ batchSize: 100 });
  expect(await embed(1_000, undefined, 'run', 'scvi_fm')).toMatchObject({ batchSize: 100 });
});

it('says what to do where a single cell does not fit', async () => {
  const sizes: number[] = [];
  for (let size = Infinity; size > 1; sizes.push(size)) size = (await failed(0)).batchSize;
  expect(sizes).toEqual([100, 50, 25, 12, 6, 3, 1]);
  expect(await failed(0)).toMatchObject({
    message: 'CUDA out of memory on cuda:0: CUDA failure 2: out of memory ; GPU=0 (a single cell)',
    remedy: expect.stringMatching(/more memory or a smaller model.*--device cpu/),
  });
});

it('halves the batch that ran, where a budget of tokens made it smaller than it might be', async () => {
  const error = deviceError('cuda:0', new Error('CUDA failure 2: out of memory'), 8);
  const place = { base, plan: 'run' };
  await expect(withinBatchLimit(place, planned('g'), undefined, () => Promise.reject(error))).rejects.toMatchObject({
    message: expect.stringContaining('(batches of 8 cells)'),
    batchSize: 8,
  });
  expect(await embed(1_000, undefined, 'run', 'g')).toMatchObject({ batchSize: 4 });
});

it('gives up where the model itself does not fit', async () => {
  const error = deviceError('cuda:0', new Error('CUDA failure 2: out of memory'), 0);
  await expect(
    withinBatchLimit({ base, plan: 'run' }, planned('g'), undefined, () => Promise.reject(error)),
  ).rejects.toMatchObject({ message: expect.stringContaining('(the model itself)'), batchSize: 0 });
});

it('leaves other errors alone', async () => {
  const broken = () => Promise.reject(invalidInput('no genes', 'add some'));
  await expect(withinBatchLimit({ base, plan: 'run' }, planned('gs'), 4, broken)).rejects.toMatchObject({
    type: 'InvalidInput',
    batchSize: null,
  });
  expect(await embed(1_000)).toMatchObject({ batchSize: 100 });
});
