import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadBundle } from '../inference/bundle/load.js';
import { plannedModel } from '../inference/planned-model.js';
import type { PlannedMethod } from '../plan/types.js';
import { QUIET } from '../tasks/types.js';
import { type PrepareRequest, prepareChunk } from './prepare-chunk.js';

const fixture = (name: string) => new URL(`../../test/fixtures/${name}`, import.meta.url).pathname;
const sha256 = (content: Uint8Array | string) => createHash('sha256').update(content).digest('hex');

let base: string;
let request: PrepareRequest;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-prepare-chunk-'));
  const input = 'processed/train/toy/train/chunk_0.zarr';
  await mkdir(dirname(join(base, input)), { recursive: true });
  await cp(fixture('heart-60/chunk_0.zarr'), join(base, input), { recursive: true });
  request = {
    base,
    dataset: 'toy',
    chunk: { name: 'train/chunk_0', input },
    method: await planned(),
  };
});
afterEach(() => rm(base, { recursive: true }));

/** A bundle with the genuine V1 vocabulary; its graph is never run here. */
async function planned(): Promise<PlannedMethod> {
  const folder = join(base, 'models/v1');
  await mkdir(folder, { recursive: true });
  const files = {
    'model.onnx': 'never run',
    'vocab.json': gunzipSync(readFileSync(fixture('geneformer/v1-vocabulary.json.gz'))),
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  const description = {
    ...{ format: 'obsmith-bundle', formatVersion: 1, id: 'v1', kind: 'geneformer', series: 'V1', dim: 512 },
    ...{ pooling: 'mean', hiddenStateIndex: 11, maxLength: 2048, vocabularySize: 25_426, batching: 'any' },
    ...{ tokenizer: { targetSum: 10_000, specialToken: false, inputSize: 2048, tieBreak: 'stable' } },
    ...{ precision: 'fp32', licence: 'Apache-2.0' },
    sha256: Object.fromEntries(Object.entries(files).map(([name, content]) => [name, sha256(content)])),
  };
  await writeFile(join(folder, 'bundle.json'), JSON.stringify(description));
  return {
    ...{ method: 'geneformer-v1', queue: 'gpu', dim: 512, options: { map_symbols: true }, batchKey: null },
    ...{ batchSize: 128, chunkRows: 16_384, overwrite: false, algorithmVersion: 1, fitRounds: [], sparseOutput: false },
    source: 'prepared',
    model: plannedModel(await loadBundle(folder), base),
  } as PlannedMethod;
}

test('tokens of the planned model are made once, and nothing is written to the outputs', async () => {
  const first = await prepareChunk(request, QUIET);
  expect(first).toMatchObject({ computed: true, cells: 60, report: { known: 130, emptyCells: 0 } });
  expect(await prepareChunk(request, QUIET)).toMatchObject({ computed: false, report: first.report });
  expect((await readdir(join(base, '.obsmith/prepared/toy'))).length).toBe(1);
  expect((await readdir(base)).sort()).toEqual(['.obsmith', 'models', 'processed']);
});

test('the model itself need not be there, but a vocabulary that was changed is refused', async () => {
  const folder = join(base, 'models/v1');
  const file = join(folder, 'bundle.json');
  await rm(join(folder, 'model.onnx'));
  // Of its own bytes, so that this process does not know it yet.
  const given = async (id: string) => {
    await writeFile(file, readFileSync(file, 'utf8').replace(/"id":"[^"]*"/, `"id":"${id}"`));
    const model = { ...request.method.model!, sha256: sha256(readFileSync(file)) };
    return { ...request, method: { ...request.method, model } };
  };
  expect(await prepareChunk(await given('alone'), QUIET)).toMatchObject({ computed: true, report: { known: 130 } });
  await writeFile(join(folder, 'vocab.json'), `${readFileSync(join(folder, 'vocab.json'), 'utf8')} `);
  await expect(prepareChunk(await given('changed'), QUIET)).rejects.toMatchObject({
    type: 'MissingModel',
    message: expect.stringContaining('vocab.json was changed'),
  });
});

test('another vocabulary in place of the planned one is refused', async () => {
  await writeFile(join(base, 'models/v1/bundle.json'), '{}');
  const { method } = request;
  const model = { ...method.model!, sha256: 'a'.repeat(64) };
  await expect(prepareChunk({ ...request, method: { ...method, model } }, QUIET)).rejects.toMatchObject({
    type: 'MissingModel',
    message: expect.stringContaining('planned with'),
  });
});

test('a method without anything to prepare is refused', async () => {
  const method = { ...request.method, method: 'hvg' };
  await expect(prepareChunk({ ...request, method }, QUIET)).rejects.toMatchObject({ type: 'InvalidConfig' });
});
