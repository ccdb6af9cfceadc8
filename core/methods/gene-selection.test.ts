import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openAnnData } from '../anndata/open.js';
import { readSummary } from '../dataset/summary.js';
import type { ChunkScan } from '../dataset/types.js';
import { expressionBlocks } from './expression.js';
import { gs, gs10k } from './gene-selection.js';
import type { MatrixEmbedder } from './types.js';

const fixture = (path: string): string => fileURLToPath(new URL(`../../test/fixtures/${path}`, import.meta.url));

async function embed(method: typeof gs, store: string) {
  const chunk = await openAnnData(fixture(store));
  try {
    const summary = await readSummary(chunk, 'train/chunk_0');
    const scan: ChunkScan = { ...summary, fingerprint: '', digests: {}, expression: 'X' };
    const dim = method.resolveDim(undefined, method.options.parse({}));
    const settings = { method: method.name, dim, options: method.options.parse({}), batchKey: null, batchSize: 128 };
    const embedder = (await method.open({ settings, chunk, scan, fit: null })) as MatrixEmbedder;
    const out = new Float32Array(chunk.cells * dim);
    for await (const block of expressionBlocks(chunk, scan)) {
      await embedder.embed(block, out.subarray(block.start * dim, (block.start + block.rows) * dim));
    }
    return { out, report: embedder.report, provenance: embedder.provenance };
  } finally {
    await chunk.close();
  }
}

/** Rows that upstream's embedder gave for the same cells; made by test/oracle/gene_selection.py. */
const reference = async (path: string): Promise<Buffer> => gunzipSync(await readFile(fixture(path)));

describe.each([
  ['gs', gs, 'pbmc-24/chunk_0.zarr', { listed: 3936, source: 'ensembl_id', found: 2017 }],
  ['gs10k', gs10k, 'pbmc-24/chunk_0.zarr', { listed: 10_000, source: 'ensembl_id', found: 6503 }],
  ['gs', gs, 'heart-60/chunk_0.zarr', { listed: 3936, source: 'index', dropped: 1, found: 53 }],
  ['gs10k', gs10k, 'heart-60/chunk_0.zarr', { listed: 10_000, source: 'index', dropped: 1, found: 79 }],
  ['gs', gs, 'heart-60/chunk_0.h5ad', { listed: 3936, source: 'index', dropped: 1, found: 53 }],
  ['gs10k', gs10k, 'heart-60/chunk_0.h5ad', { listed: 10_000, source: 'index', dropped: 1, found: 79 }],
] as const)('%s', (_name, method, store, report) => {
  it(`of ${store} equals the original byte for byte`, async () => {
    const found = await embed(method, store);
    const expected = await reference(`${store.split('/')[0]}/X_${method.name}.f32.gz`);
    expect(Buffer.from(found.out.buffer).equals(expected)).toBe(true);
    expect(found.report).toMatchObject(report);
    expect(found.provenance).toMatchObject({ geneList: method.name });
  });
});
