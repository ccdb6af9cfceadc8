import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { embeddingRows, provenanceOf, readObsmNode } from '../anndata/obsm/obsm-array.js';
import { publishArray } from '../anndata/publish/publish-array.js';
import { stageInput } from '../anndata/publish/stage-input.js';
import { readScan } from '../dataset/scan.js';
import { loadBundle } from '../inference/bundle/load.js';
import { plannedModel } from '../inference/planned-model.js';
import { inputProvenance, signatureOf } from '../methods/provenance.js';
import type { PlannedMethod } from '../plan/types.js';
import { QUIET } from '../tasks/types.js';
import { embedChunk } from './embed-together.js';

const FIXTURES = fileURLToPath(new URL('../../test/fixtures', import.meta.url));
const MODEL = join(FIXTURES, 'models/scvi-tiny');
const CELLS = 24;
const DIM = 50;

let base: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-embed-model-'));
});
afterEach(() => rm(base, { recursive: true }));

const chunk = {
  index: 0,
  name: 'train/chunk_0',
  split: 'train',
  stem: 'chunk_0',
  input: 'processed/chunk_0.zarr',
  output: 'processed_with_emb/chunk_0.zarr',
  reads: ['layers/counts', 'obs/_index', 'var/_index', 'var/ensembl_id'],
};

async function scvi(): Promise<PlannedMethod> {
  return {
    method: 'scvi_fm',
    dim: DIM,
    options: { model: MODEL },
    batchKey: null,
    batchSize: 128,
    queue: 'cpu',
    algorithmVersion: 1,
    chunkRows: 7,
    overwrite: false,
    fitRounds: [],
    sparseOutput: false,
    source: 'counts',
    model: plannedModel(await loadBundle(MODEL), base),
  };
}

it('counts go through a model into a published array, whose provenance names the model and no path', async () => {
  await cp(join(FIXTURES, 'pbmc-24/chunk_0.zarr'), join(base, chunk.input), { recursive: true });
  const method = await scvi();
  const staging = '.obsmith/staging/plan/train/chunk_0';
  const result = await embedChunk({ base, dataset: 'd', chunk, method, fit: null, attempt: '1', staging }, QUIET);
  expect(result).toMatchObject({ cells: CELLS, dim: DIM, blocksComputed: 4, report: { found: 240 } });

  await stageInput({ base, chunk, staging }, QUIET);
  const provenance = inputProvenance(method, (await readScan(base, 'd', chunk.name))!, null);
  const signature = signatureOf(provenance);
  await publishArray({ base, chunk, staging, key: 'X_scvi_fm', attempt: '1', signature }, QUIET);
  const node = readObsmNode(join(base, chunk.output), 'X_scvi_fm');
  if (node === null || node === 'group') throw new Error('X_scvi_fm was not published');
  expect(provenanceOf(node)).toMatchObject({
    method: 'scvi_fm',
    parameters: { dim: DIM },
    model: { id: 'scvi-tiny', sha256: method.model!.sha256 },
  });
  expect(JSON.stringify(provenanceOf(node))).not.toContain(FIXTURES);

  const bytes = await readFile(join(FIXTURES, 'models/scvi-tiny_pbmc-24.f32'));
  const expected = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  for await (const { start, values } of embeddingRows(node)) {
    for (const [at, value] of values.entries())
      expect(Math.abs(value - expected[start * DIM + at]!)).toBeLessThan(1e-5);
  }
});

it('another bundle makes an array stale, another name for the same one does not', async () => {
  await cp(join(FIXTURES, 'pbmc-24/chunk_0.zarr'), join(base, chunk.input), { recursive: true });
  const method = await scvi();
  const staging = '.obsmith/staging/plan/train/chunk_0';
  await embedChunk({ base, dataset: 'd', chunk, method, fit: null, attempt: '1', staging }, QUIET);
  const scan = (await readScan(base, 'd', chunk.name))!;
  const signature = (changed: PlannedMethod) => signatureOf(inputProvenance(changed, scan, null));
  const renamed = { ...method, options: { model: 'scvi-tiny' }, model: { ...method.model!, folder: 'models/x' } };
  expect(signature(renamed)).toBe(signature(method));
  const other = { ...method, model: { ...method.model!, sha256: '0'.repeat(64) } };
  expect(signature(other)).not.toBe(signature(method));
});
