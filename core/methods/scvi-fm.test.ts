import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { memoryAnnData } from '../../test/memory-anndata.js';
import { openAnnData } from '../anndata/open.js';
import type { AnnData } from '../anndata/types.js';
import { readSummary } from '../dataset/summary.js';
import { loadBundle } from '../inference/bundle/load.js';
import type { Bundle } from '../inference/bundle/types.js';
import { scviFm } from './scvi-fm.js';
import type { Embedder, MatrixEmbedder } from './types.js';

const fixture = (path: string) => fileURLToPath(new URL(`../../test/fixtures/${path}`, import.meta.url));
const DIM = 50;
const bundle = await loadBundle(fixture('models/scvi-tiny'));
const genes = bundle.kind === 'scvi' ? bundle.genes : [];

async function open(chunk: AnnData, model: Bundle = bundle): Promise<Embedder> {
  const summary = await readSummary(chunk, 'train/chunk_0');
  return scviFm.open({
    settings: { method: 'scvi_fm', dim: DIM, options: { model: 'scvi-tiny' }, batchKey: null, batchSize: 128 },
    chunk,
    scan: { ...summary, fingerprint: '', digests: {}, expression: 'X' },
    fit: null,
    model: { bundle: model, device: 'cpu' },
  });
}

async function embed(chunk: AnnData, blockRows = 1024, model: Bundle = bundle): Promise<Float32Array> {
  const embedder = (await open(chunk, model)) as MatrixEmbedder;
  const out = new Float32Array(chunk.cells * DIM);
  for await (const block of chunk.rowBlocks('layers/counts', { blockRows })) {
    await embedder.embed(block, out.subarray(block.start * DIM, (block.start + block.rows) * DIM));
  }
  return out;
}

function chunkOf(ids: readonly string[], rows: number[][], encoding: 'csr' | 'dense' = 'csr'): AnnData {
  return memoryAnnData({
    cells: rows.map((_, row) => `cell${row}`),
    genes: ids,
    layers: { counts: { encoding, dtype: 'float32', rows } },
  });
}

/** Counts of `rows` cells, different in each. */
const countsOf = (rows: number, columns: number): number[][] =>
  Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => ((row * 7 + column * 13) % 11 > 7 ? (row + column) % 23 : 0)),
  );

describe('against scvi-tools', () => {
  it.each([
    ['of counts', 'scvi-tiny'],
    ['of counts without logarithm', 'scvi-counts-tiny'],
  ])('gives its latent means %s for real cells that lack a fifth of the model genes', async (_what, name) => {
    const chunk = await openAnnData(fixture('pbmc-24/chunk_0.zarr'));
    try {
      const bytes = await readFile(fixture(`models/${name}_pbmc-24.f32`));
      const expected = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
      const found = await embed(chunk, 1024, await loadBundle(fixture(`models/${name}`)));
      expect(found).toHaveLength(expected.length);
      expect(Math.max(...found.map((value, at) => Math.abs(value - expected[at]!)))).toBeLessThan(1e-5);
      expect((await open(chunk)).report).toMatchObject({ listed: 300, found: 240, coverage: 0.8 });
    } finally {
      await chunk.close();
    }
  });
});

describe('rows', () => {
  it('are the same bits whatever the batches, across their borders, sparse or dense', async () => {
    const rows = countsOf(300, genes.length);
    rows[7]![3] = 100_000;
    const whole = await embed(chunkOf(genes, rows));
    for (const blockRows of [1, 100, 129]) expect(await embed(chunkOf(genes, rows), blockRows)).toEqual(whole);
    expect(await embed(chunkOf(genes, rows, 'dense'))).toEqual(whole);
    expect(await embed(chunkOf(genes, rows.slice(200)))).toEqual(whole.subarray(200 * DIM));
  });

  it('do not depend on the order of columns, on versions of ids, or on genes that the model lacks', async () => {
    const rows = countsOf(3, genes.length);
    const expected = await embed(chunkOf(genes, rows));
    const ids = [...genes.map((gene) => `${gene}.7`), 'ENSG00009999999', 'ERCC-00002'].reverse();
    const mirrored = rows.map((row) => [...row, 5, 6].reverse());
    expect(await embed(chunkOf(ids, mirrored))).toEqual(expected);
  });
});

describe('genes', () => {
  it('fewer than 80 % of the model genes are a warning, none of them a refusal', async () => {
    const some = genes.slice(0, 100);
    expect((await open(chunkOf(some, countsOf(2, 100)))).report).toMatchObject({
      found: 100,
      warning: expect.stringContaining('100 of the 300 genes'),
    });
    expect((await open(chunkOf(genes, countsOf(2, 300)))).report).not.toHaveProperty('warning');
    await expect(open(chunkOf(['ENSG00009999998', 'ENSG00009999999'], countsOf(2, 2)))).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('none of the 2 genes'),
    });
  });

  it('of the model that several columns are are refused by name; others may be there twice', async () => {
    const twice = [...genes, `${genes[4]}.2`];
    await expect(open(chunkOf(twice, countsOf(2, 301)))).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining(genes[4]!),
    });
    const others = [...genes, 'ENSG00009999999.1', 'ENSG00009999999.2'];
    await expect(open(chunkOf(others, countsOf(2, 302)))).resolves.toBeDefined();
  });
});

describe('counts', () => {
  it.each([0.5, -1, Number.NaN, Number.POSITIVE_INFINITY])('of %s are refused, naming the place', async (value) => {
    for (const encoding of ['csr', 'dense'] as const) {
      const rows = countsOf(3, genes.length);
      rows[1]![2] = value;
      await expect(embed(chunkOf(genes, rows, encoding))).rejects.toMatchObject({
        type: 'InvalidInput',
        message: expect.stringContaining(`layers/counts of train/chunk_0 holds ${value} at row 1, column 2`),
      });
    }
  });

  it('that are not there are a problem before work', () => {
    const summary = { cells: 1, genes: 1, obsColumns: [], varColumns: [], hasX: true };
    const settings = { method: 'scvi_fm', dim: DIM, options: { model: 'x' }, batchKey: null, batchSize: 128 };
    const problems = scviFm.problems(settings, { ...summary, name: 'train/chunk_0', layers: ['raw'] });
    expect(problems[0]?.message).toBe('train/chunk_0 has no layers/counts, which scvi_fm reads; its layers are raw');
  });
});

it('refuses a bundle whose files disagree about genes or dimensions', async () => {
  const chunk = chunkOf(genes, countsOf(2, 300));
  await expect(open(chunk, { ...bundle, dim: 49 })).rejects.toMatchObject({
    type: 'MissingModel',
    message: expect.stringContaining('model.onnx gives 50 latent dimensions, but bundle.json says 49'),
  });
  const fewer = { ...bundle, genes: genes.slice(1) } as Bundle;
  await expect(open(chunk, fewer)).rejects.toMatchObject({
    message: expect.stringContaining('model.onnx takes 300 counts per cell, but genes.json has 299'),
  });
});
