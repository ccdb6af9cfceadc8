import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAnnData } from '../anndata/open.js';
import type { MatrixPath, SparseBlock } from '../anndata/types.js';
import { PACKAGE_ROOT } from '../package-root.js';
import { QUIET } from '../tasks/types.js';
import { importDemo } from './demo.js';
import { importFiles } from './import-files.js';
import type { ImportOptions, ImportReport } from './types.js';

const FIXTURES = join(PACKAGE_ROOT, 'test/fixtures/import');
const TENX_H5 = join(FIXTURES, 'scanpy_10x_v3.h5');
const TENX_MTX = join(FIXTURES, 'pbmc10k_mtx.tar.gz');
const RAW_MORE_GENES = join(FIXTURES, 'raw_more_genes.h5ad');

/** What test/oracle/import.py says of a data set, by scanpy. */
interface Expected {
  readonly cells: number;
  readonly genes: number;
  readonly stored: number;
  readonly [digest: string]: string | number | null;
}

const expectations = JSON.parse(await readFile(join(FIXTURES, 'expected.json'), 'utf8')) as Record<string, Expected>;

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-import-'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

const run = (path: string, options: Partial<ImportOptions> = {}): Promise<ImportReport> =>
  importFiles({ base, dataset: 'set', files: [{ path }], ...options }, QUIET);

/** All of a matrix of an imported chunk. */
async function readMatrix(chunk: string, path: MatrixPath): Promise<SparseBlock> {
  const store = await openAnnData(join(base, chunk));
  const parts: SparseBlock[] = [];
  for await (const block of store.rowBlocks(path, { blockRows: store.cells }))
    parts.push(structuredClone(block as SparseBlock));
  await store.close();
  expect(parts).toHaveLength(1);
  return parts[0]!;
}

async function describeChunk(chunk: string): Promise<Record<string, string | number | null>> {
  const store = await openAnnData(join(base, chunk));
  const counts = await readMatrix(chunk, 'layers/counts');
  const geneIds = (await store.keys('var')).includes('gene_ids') ? await store.column('var', 'gene_ids') : null;
  const totals = await store.column('obs', 'n_counts');
  if (totals.kind !== 'numbers') throw new Error('n_counts is not numeric');
  return {
    cells: store.cells,
    genes: store.genes,
    stored: counts.indices.length,
    obs_names: digest((await store.names('obs')).join('\n')),
    var_names: digest((await store.names('var')).join('\n')),
    gene_ids: geneIds?.kind === 'strings' ? digest(geneIds.values.join('\n')) : null,
    indptr: digest(counts.indptr),
    indices: digest(counts.indices),
    counts: digest(counts.values),
    totals: digest(Float32Array.from(totals.values)),
  };
}

const digest = (content: string | ArrayBufferView): string =>
  createHash('sha256')
    .update(
      typeof content === 'string' ? content : new Uint8Array(content.buffer, content.byteOffset, content.byteLength),
    )
    .digest('hex');

describe('importFiles against scanpy', () => {
  it('reads a 10x v3 file: counts, names, ids, and X within 1 ulp of normalize_total + log1p', async () => {
    const report = await run(TENX_H5, { trainSplit: null });
    expect(report.chunks).toMatchObject([
      { name: 'all/chunk_0', path: 'processed/test/set/all/chunk_0.zarr', cells: 1107, genes: 507 },
    ]);
    expect(await describeChunk(report.chunks[0]!.path)).toEqual(expectations.tenx_h5);

    const file = await readFile(join(FIXTURES, 'expected_x_10x_v3.f32'));
    const expected = new Float32Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
    const x = await readMatrix(report.chunks[0]!.path, 'X');
    expect(x.values).toBeInstanceOf(Float32Array);
    const ulps = expected.map((value, at) => Math.abs(value - x.values[at]!) / ulpOf(value));
    expect(x.values).toHaveLength(expected.length);
    expect(Math.max(...ulps)).toBeLessThanOrEqual(1);
  });

  it('reads a 10x mtx archive with stray ._ files, gene expression only', async () => {
    const report = await run(TENX_MTX, { trainSplit: null });
    expect(await describeChunk(report.chunks[0]!.path)).toEqual(expectations.tenx_mtx);
    expect(report.files[0]!.leftOut).toEqual([
      { element: '17 features "Antibody Capture"', reason: expect.any(String) },
    ]);
  });

  it('filters genes, then cells, as filter_genes and filter_cells do', async () => {
    const report = await run(TENX_H5, { trainSplit: null, minCells: 20, minGenes: 25 });
    expect(await describeChunk(report.chunks[0]!.path)).toEqual(expectations.tenx_h5_filtered);
  });

  it('reads a dense, lzf-compressed h5ad of an old AnnData version', async () => {
    const report = await importDemo(base, QUIET);
    expect(await describeChunk(report!.chunks[0]!.path)).toEqual(expectations.pbmc_10k);
  });

  it('reads a CellRanger 2 file with unsorted indices', async () => {
    const report = await run(join(FIXTURES, 'tenx_v2.h5'), { trainSplit: null });
    expect(await describeChunk(report.chunks[0]!.path)).toEqual(expectations.tenx_v2);
  });
});

const ulpOf = (value: number): number => 2 ** (Math.floor(Math.log2(Math.max(value, 2 ** -126))) - 23);

describe('importFiles', () => {
  it('makes the demo: one chunk to train, one to validate, batches named by file; a second call leaves it alone', async () => {
    const report = await importDemo(base, QUIET);
    expect(report!.chunks.map(({ path, cells, genes }) => [path, cells, genes])).toEqual([
      ['processed/train/pbmc_demo/train/chunk_0.zarr', 200, 16_727],
      ['processed/train/pbmc_demo/val/chunk_0.zarr', 200, 16_581],
    ]);
    const store = await openAnnData(join(base, report!.chunks[1]!.path));
    expect(await store.column('obs', 'batch')).toMatchObject({ categories: ['pbmc_5k_protein_v3'] });
    expect(await store.keys('var')).not.toContain('highly_variable');
    expect(await importDemo(base, QUIET)).toBeNull();
    expect(await readdir(join(base, '.obsmith/imports'))).toEqual([]);
  });

  it('takes counts and genes from raw.X where X is scaled, and keeps the types of obs columns', async () => {
    const report = await run(RAW_MORE_GENES, { trainSplit: null });
    expect(report.files[0]).toMatchObject({
      counts: 'raw/X',
      genes: { read: 5, kept: 5 },
      ensembl: { source: 'gene_ids', mapped: 5 },
    });
    expect(report.files[0]!.leftOut.map(({ element }) => element)).toEqual(['X']);
    expect(report.files[0]!.carried).toEqual(['obsm/X_umap', 'uns/title']);
    const store = await openAnnData(join(base, report.chunks[0]!.path));
    expect(await store.names('var')).toEqual(['A', 'B', 'C', 'D', 'E']);
    expect(await store.column('var', 'ensembl_id')).toEqual({
      kind: 'strings',
      values: ['ENSG00000000000', 'ENSG00000000001', 'ENSG00000000002', 'ENSG00000000003', 'ENSG00000000004'],
    });
    expect(await store.column('obs', 'donor')).toMatchObject({
      categories: ['d1', 'd2'],
      codes: Int32Array.of(1, 0, -1, 1),
      ordered: true,
    });
    expect(await store.column('obs', 'age')).toMatchObject({ values: Float64Array.of(30, 41, 52, 63), dtype: 'int64' });
    expect(await store.column('obs', 'score')).toMatchObject({
      values: Float64Array.of(0.5, Number.NaN, 1.5, 2.5),
      dtype: 'float32',
    });
    expect(await store.column('obs', 'doublet')).toEqual({ kind: 'booleans', values: [true, false, false, true] });
    expect(await store.column('obs', 'sample_index')).toMatchObject({
      values: Float64Array.of(0, 1, 2, 3),
      dtype: 'int64',
    });
  });

  it('splits at random by the seed, every cell once, and cuts chunks of N cells', async () => {
    const first = await run(TENX_H5, { dataset: 'a', chunkCells: 500 });
    expect(first.chunks.map(({ name, cells }) => [name, cells])).toEqual([
      ['train/chunk_0', 500],
      ['train/chunk_1', 496],
      ['val/chunk_0', 111],
    ]);
    const again = await run(TENX_H5, { dataset: 'b', chunkCells: 500 });
    const other = await run(TENX_H5, { dataset: 'c', chunkCells: 500, seed: 7 });
    const [names, namesAgain, namesOther] = await Promise.all([first, again, other].map(cellNames));
    expect(namesAgain).toEqual(names);
    expect(namesOther).not.toEqual(names);
    expect(digest([...new Set(names!.flat())].sort().join())).toBe(
      digest([...new Set(namesOther!.flat())].sort().join()),
    );
    expect(names!.flat()).toHaveLength(1107);
  });

  it('numbers chunks on over several files with different genes', async () => {
    const files = [{ path: TENX_H5 }, { path: TENX_MTX }];
    const report = await run('', { files, trainSplit: null, batchKey: 'file', chunkCells: 1000 });
    expect(report.chunks.map(({ name, cells, genes }) => [name, cells, genes])).toEqual([
      ['all/chunk_0', 1000, 507],
      ['all/chunk_1', 107, 507],
      ['all/chunk_2', 1000, 100],
      ['all/chunk_3', 24, 100],
    ]);
  });

  it('refuses a data set that exists, and replaces it as a whole with overwrite', async () => {
    await run(TENX_H5, { chunkCells: 800 });
    await expect(run(TENX_MTX)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('exists already'),
    });
    await run(TENX_MTX, { overwrite: true });
    expect(await readdir(join(base, 'processed/train/set/train'))).toEqual(['chunk_0.zarr']);
    expect(await readdir(join(base, '.obsmith/imports'))).toEqual([]);
  });

  it('leaves nothing behind when it is cancelled after the first file', async () => {
    const cancelled = new Error('cancelled');
    let blocks = 0;
    const ctx = {
      progress() {},
      checkCancelled() {
        blocks += 1;
        if (blocks > 2) throw cancelled;
      },
    };
    const files = [{ path: TENX_H5 }, { path: TENX_MTX }];
    await expect(importFiles({ base, dataset: 'set', files }, ctx)).rejects.toBe(cancelled);
    expect(existsSync(join(base, 'processed'))).toBe(false);
    expect(await readdir(join(base, '.obsmith/imports'))).toEqual([]);
  });
});

async function cellNames(report: ImportReport): Promise<string[][]> {
  return Promise.all(report.chunks.map(async ({ path }) => (await openAnnData(join(base, path))).names('obs')));
}
