import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryAnnData } from '../../test/memory-anndata.js';
import { openAnnData } from '../anndata/open.js';
import type { AnnData } from '../anndata/types.js';
import { readSummary } from '../dataset/summary.js';
import type { ChunkScan } from '../dataset/types.js';
import type { Fit } from '../fits/types.js';
import { loadBundle } from '../inference/bundle/load.js';
import type { Bundle } from '../inference/bundle/types.js';
import { expressionBlocks } from './expression.js';
import { pca } from './pca.js';
import { loadPretrainedPca } from './pretrained-pca.js';
import type { MatrixEmbedder } from './types.js';

const path = (name: string): string => fileURLToPath(new URL(`../../test/fixtures/${name}`, import.meta.url));

async function embed(
  chunk: AnnData,
  options: { model?: string; gene_key?: string },
  dim: number,
  fit: Fit | null,
  bundle?: Bundle,
) {
  const scan: ChunkScan = {
    ...(await readSummary(chunk, 'train/chunk_0')),
    fingerprint: '',
    digests: {},
    expression: 'X',
  };
  const settings = { method: 'pca', dim, options: pca.options.parse(options), batchKey: null, batchSize: 128 };
  const embedder = (await pca.open({
    ...{ settings, chunk, scan, fit },
    ...(bundle ? { model: { bundle, device: 'cpu' } } : {}),
  })) as MatrixEmbedder;
  const out = new Float32Array(chunk.cells * dim);
  for await (const block of expressionBlocks(chunk, scan)) {
    await embedder.embed(block, out.subarray(block.start * dim, (block.start + block.rows) * dim));
  }
  return { out, embedder };
}

describe('pretrained pca', () => {
  it.each(['pbmc-24', 'heart-60'])('is within 1e-4 of the original on %s', async (name) => {
    const chunk = await openAnnData(path(`${name}/chunk_0.zarr`));
    try {
      const { out, embedder } = await embed(chunk, { model: 'pretrained' }, 50, null);
      const bytes = await readFile(path(`hvg-pca/${name}_pca.f32`));
      const expected = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
      expect(out.length).toBe(expected.length);
      let largest = 0;
      expected.forEach((score, at) => {
        largest = Math.max(largest, Math.abs(out[at]! - score));
      });
      expect(largest).toBeLessThan(1e-4);
      expect(embedder.provenance).toMatchObject({ modelDigest: expect.stringMatching(/^[0-9a-f]{64}$/) });
    } finally {
      await chunk.close();
    }
  });

  it('always has 50 dimensions and no fit', () => {
    const options = pca.options.parse({ model: 'pretrained' });
    expect(pca.resolveDim(undefined, options)).toBe(50);
    expect(() => pca.resolveDim(100, options)).toThrow(expect.objectContaining({ type: 'InvalidConfig' }));
    expect(pca.fitRounds({ method: 'pca', dim: 50, options, batchKey: null, batchSize: 1 })).toEqual([]);
  });
});

describe('fitted pca', () => {
  it('centres, projects, and takes genes that a chunk lacks as 0', async () => {
    const chunk = memoryAnnData({
      cells: ['c1', 'c2'],
      genes: ['b', 'a'],
      X: {
        encoding: 'csr',
        dtype: 'float32',
        rows: [
          [1, 2],
          [0, 3],
        ],
      },
    });
    const fit: Fit = {
      id: 'f',
      method: 'pca',
      algorithmVersion: 1,
      parameters: {},
      genes: ['a', 'absent', 'b'],
      chunks: [],
      leftOut: [],
      arrays: { mean: Float64Array.of(1, 4, 0.5), components: Float64Array.of(1, 0, 0, 0.5, 0.25, 2) },
    };
    const { out, embedder } = await embed(chunk, {}, 2, fit);
    expect([...out]).toEqual([2 - 1, 1 + 2 - (0.5 + 1 + 1), 3 - 1, 1.5 - (0.5 + 1 + 1)]);
    expect(embedder.report).toEqual({ genes: 3, found: 2, missing: 1 });
  });

  it('chooses its dimension, and refuses options out of range', () => {
    const options = pca.options.parse({});
    expect(options).toEqual({ model: 'fit', n_top_genes: 2000, gene_key: null });
    expect(pca.resolveDim(30, options)).toBe(30);
    expect(pca.options.safeParse({ n_top_genes: 50_000 }).success).toBe(false);
    expect(pca.options.safeParse({ model: '' }).success).toBe(false);
  });
});

describe('pca of a bundle', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'obsmith-pca-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** A bundle of these arrays; scaler_mean and scaler_scale may be absent. */
  async function bundleOf(
    genes: readonly string[],
    arrays: Readonly<Record<string, ArrayLike<number>>>,
    matchBy = 'name',
  ): Promise<Bundle> {
    const sha256: Record<string, string> = {};
    const files = Object.entries(arrays).map(
      ([name, values]) => [`${name}.f64`, Buffer.from(Float64Array.from(values).buffer)] as const,
    );
    for (const [name, bytes] of [...files, ['genes.json', Buffer.from(JSON.stringify(genes))] as const]) {
      await writeFile(join(folder, name), bytes);
      sha256[name] = createHash('sha256').update(bytes).digest('hex');
    }
    const dim = arrays.components!.length / genes.length;
    const common = {
      format: 'obsmith-bundle',
      formatVersion: 1,
      id: 'mine',
      kind: 'pca',
      precision: 'fp64',
      licence: '',
    };
    await writeFile(join(folder, 'bundle.json'), JSON.stringify({ ...common, dim, matchBy, sha256 }));
    return loadBundle(folder);
  }

  it('equals transform() of scikit-learn, also for genes that no cell has', async () => {
    const chunk = await openAnnData(path('pbmc-24/chunk_0.zarr'));
    try {
      const bundle = await loadBundle(path('models/pca-tiny'));
      const { out, embedder } = await embed(chunk, { model: 'pca-tiny' }, 5, null, bundle);
      const bytes = await readFile(path('models/pca-tiny_pbmc-24.f64'));
      const expected = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
      expect(out.length).toBe(expected.length);
      const errors = expected.map((score, at) => Math.abs(out[at]! - score) / Math.max(1, Math.abs(score)));
      expect(Math.max(...errors)).toBeLessThan(1e-6);
      expect(embedder.report).toMatchObject({ listed: 60, found: 50 });
    } finally {
      await chunk.close();
    }
  });

  it.each(['pbmc-24', 'heart-60'])('gives the same bytes on %s for the pretrained model as a bundle', async (name) => {
    const { genes, components, pcaMean, scalerMean, scalerScale } = await loadPretrainedPca();
    const arrays = { components, pca_mean: pcaMean, scaler_mean: scalerMean, scaler_scale: scalerScale };
    const bundle = await bundleOf(genes, arrays, 'ensembl-id');
    const chunk = await openAnnData(path(`${name}/chunk_0.zarr`));
    try {
      const shipped = await embed(chunk, { model: 'pretrained' }, 50, null);
      const wrapped = await embed(chunk, { model: 'mine' }, 50, null, bundle);
      expect(Buffer.from(wrapped.out.buffer).equals(Buffer.from(shipped.out.buffer))).toBe(true);
    } finally {
      await chunk.close();
    }
  });

  it('matches names by the var index or gene_key, takes absent genes as 0, and needs no scaler', async () => {
    const bundle = await bundleOf(['a', 'absent', 'b'], { components: [1, 0, 0, 0.5, 0.25, 2], pca_mean: [1, 4, 0.5] });
    const X = {
      encoding: 'csr',
      dtype: 'float32',
      rows: [
        [1, 2],
        [0, 3],
      ],
    } as const;
    const expected = [2 - 1, 1 + 2 - (0.5 + 1 + 1), 3 - 1, 1.5 - (0.5 + 1 + 1)];
    const byIndex = memoryAnnData({ cells: ['c1', 'c2'], genes: ['b', 'a'], X });
    const { out, embedder } = await embed(byIndex, { model: 'mine' }, 2, null, bundle);
    expect([...out]).toEqual(expected);
    expect(embedder.report).toEqual({ genes: 3, found: 2, missing: 1 });
    const symbol = { kind: 'strings' as const, values: ['b', 'a'] };
    const byColumn = memoryAnnData({ cells: ['c1', 'c2'], genes: ['x', 'y'], var: { symbol }, X });
    expect([...(await embed(byColumn, { model: 'mine', gene_key: 'symbol' }, 2, null, bundle)).out]).toEqual(expected);
    await expect(embed(byColumn, { model: 'mine' }, 2, null, bundle)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('none of the 3 genes that pca was fitted on'),
    });
  });

  it('scales where it has a scaler', async () => {
    const bundle = await bundleOf(['a', 'b'], {
      components: [1, 2],
      pca_mean: [0.5, 0],
      scaler_mean: [1, 2],
      scaler_scale: [2, 4],
    });
    const chunk = memoryAnnData({
      cells: ['c1'],
      genes: ['a', 'b'],
      X: { encoding: 'csr', dtype: 'float32', rows: [[4, 8]] },
    });
    expect([...(await embed(chunk, { model: 'mine' }, 1, null, bundle)).out]).toEqual([1.5 - 0.5 + 2 * 1.5]);
  });

  it('reads what identifies genes, and refuses chunks without the gene_key, but looks at no batches', () => {
    const settings = (given: object) => ({
      ...{ method: 'pca', dim: 5, batchKey: 'batch', batchSize: 1 },
      options: pca.options.parse({ model: 'mine', ...given }),
    });
    const chunk = { name: 'train/chunk_0', cells: 1, genes: 1, obsColumns: [], varColumns: ['ensembl_id'] };
    const whole = { ...chunk, layers: [], hasX: true };
    expect(pca.reads(settings({}), whole)).toEqual(expect.arrayContaining(['X', 'var/_index', 'var/ensembl_id']));
    expect(pca.reads(settings({ gene_key: 'symbol' }), whole)).toContain('var/symbol');
    expect(pca.problems(settings({}), whole)).toEqual([]);
    expect(pca.problems(settings({ gene_key: 'symbol' }), whole)).toMatchObject([{ where: 'var/symbol' }]);
    expect(pca.fitRounds(settings({}))).toEqual([]);
    expect(pca.resolveDim(30, settings({}).options)).toBe(30);
  });
});
