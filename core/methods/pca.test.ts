import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { memoryAnnData } from '../../test/memory-anndata.js';
import { openAnnData } from '../anndata/open.js';
import type { AnnData } from '../anndata/types.js';
import { readSummary } from '../dataset/summary.js';
import type { ChunkScan } from '../dataset/types.js';
import type { Fit } from '../fits/types.js';
import { expressionBlocks } from './expression.js';
import { pca } from './pca.js';
import type { MatrixEmbedder } from './types.js';

const path = (name: string): string => fileURLToPath(new URL(`../../test/fixtures/${name}`, import.meta.url));

async function embed(chunk: AnnData, options: { model?: string }, dim: number, fit: Fit | null) {
  const scan: ChunkScan = {
    ...(await readSummary(chunk, 'train/chunk_0')),
    fingerprint: '',
    digests: {},
    expression: 'X',
  };
  const settings = { method: 'pca', dim, options: pca.options.parse(options), batchKey: null, batchSize: 128 };
  const embedder = (await pca.open({ settings, chunk, scan, fit })) as MatrixEmbedder;
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
    expect(pca.options.safeParse({ model: 'other' }).success).toBe(false);
  });
});
