import { access, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { embeddingRows, provenanceOf, readObsmNode } from '../anndata/obsm/obsm-array.js';
import { publishArray } from '../anndata/publish/publish-array.js';
import { stageInput } from '../anndata/publish/stage-input.js';
import { readScan } from '../dataset/scan.js';
import { inputProvenance, signatureOf } from '../methods/provenance.js';
import type { PlannedMethod } from '../plan/types.js';
import { QUIET, type TaskContext } from '../tasks/types.js';
import type { EmbedRequest } from './embed-chunk.js';
import { embedChunk } from './embed-together.js';

const HEART = fileURLToPath(new URL('../../test/fixtures/heart-60', import.meta.url));
const CELLS = 60;
const DIM = 3936;

const method: PlannedMethod = {
  method: 'gs',
  dim: DIM,
  options: { min_coverage: 0 },
  batchKey: null,
  batchSize: 128,
  queue: 'cpu',
  algorithmVersion: 1,
  chunkRows: 16,
  overwrite: false,
  fitRounds: [],
  sparseOutput: true,
  source: 'expression',
};

let base: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-embed-'));
});
afterEach(() => rm(base, { recursive: true }));

function chunkOf(format: 'zarr' | 'h5ad') {
  return {
    index: 0,
    name: 'train/chunk_0',
    split: 'train',
    stem: 'chunk_0',
    input: `processed/chunk_0.${format}`,
    output: 'processed_with_emb/chunk_0.zarr',
    reads: ['X', 'obs/_index', 'var/_index', 'var/ensembl_id'],
  };
}

async function request(format: 'zarr' | 'h5ad'): Promise<EmbedRequest & { chunk: ReturnType<typeof chunkOf> }> {
  const chunk = chunkOf(format);
  const input = join(base, chunk.input);
  await mkdir(dirname(input), { recursive: true });
  await cp(join(HEART, `chunk_0.${format}`), input, { recursive: true });
  const staging = '.obsmith/staging/plan/train/chunk_0';
  return { base, dataset: 'heart', chunk, method, fit: null, attempt: '1', staging };
}

async function publish(embedded: Awaited<ReturnType<typeof request>>, attempt: string): Promise<Buffer> {
  const { chunk, staging } = embedded;
  await stageInput({ base, chunk, staging }, QUIET);
  const scan = await readScan(base, 'heart', chunk.name);
  const signature = signatureOf(inputProvenance(method, scan!, null));
  await publishArray({ base, chunk, staging, key: 'X_gs', attempt, signature }, QUIET);
  const node = readObsmNode(join(base, chunk.output), 'X_gs');
  if (node === null || node === 'group') throw new Error('X_gs was not published');
  expect(provenanceOf(node)).toMatchObject({ method: 'gs', parameters: { dim: DIM }, geneList: 'gs' });
  const found = Buffer.alloc(CELLS * DIM * 4);
  for await (const { start, values } of embeddingRows(node)) {
    Buffer.from(values.buffer, values.byteOffset, values.byteLength).copy(found, start * DIM * 4);
  }
  return found;
}

/** Rows that upstream's embedder gave for the same cells; made by test/oracle/gene_selection.py. */
const reference = async (): Promise<Buffer> => gunzipSync(await readFile(join(HEART, 'X_gs.f32.gz')));

describe.each(['zarr', 'h5ad'] as const)('embedChunk of %s', (format) => {
  it('stages an array that, once published, equals the original byte for byte', async () => {
    const embedded = await request(format);
    const result = await embedChunk(embedded, QUIET);
    expect(result).toMatchObject({ cells: CELLS, dim: DIM, blocksComputed: 4, blocksResumed: 0 });
    expect(result.report).toMatchObject({ found: 53, listed: DIM });
    expect((await publish(embedded, '1')).equals(await reference())).toBe(true);
  });
});

it('goes on after the blocks that an interrupted attempt left', async () => {
  const embedded = await request('zarr');
  let rowsDone = 0;
  const interrupted: TaskContext = {
    progress: (done) => {
      rowsDone = done;
    },
    checkCancelled: () => {
      if (rowsDone >= 32) throw new Error('interrupted');
    },
  };
  await expect(embedChunk(embedded, interrupted)).rejects.toThrow('interrupted');
  const result = await embedChunk({ ...embedded, attempt: '2' }, QUIET);
  expect(result).toMatchObject({ blocksComputed: 2, blocksResumed: 2 });
  expect((await publish(embedded, '2')).equals(await reference())).toBe(true);
});

it('refuses what only content shows, and stages nothing', async () => {
  const embedded = await request('zarr');
  const demanding = { ...method, options: { min_coverage: 0.5 } };
  await expect(embedChunk({ ...embedded, method: demanding }, QUIET)).rejects.toMatchObject({
    type: 'InvalidInput',
    message: expect.stringContaining('53 of the 3936 genes of gs'),
  });
  await expect(access(join(base, embedded.staging, 'X_gs'))).rejects.toThrow('ENOENT');
});
