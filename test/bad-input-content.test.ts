import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RowBlock } from '../core/anndata/types.js';
import { openZarr } from '../core/anndata/zarr/open-zarr.js';
import {
  editJson,
  embedding,
  fixture,
  removeColumn,
  type SmallDataset,
  smallDataset,
  writeNumbers,
  writeStrings,
} from './small-dataset.js';

const PBMC = 'pbmc-24/chunk_0.zarr';
const GENES = 16727;
/** A gene that some of the 24 cells have. */
const EXPRESSED = 9304;
const FIRST_OF_GS10K = 'ENSG00000118271';
const CHUNKS = { 'train/chunk_0.zarr': PBMC, 'val/chunk_0.zarr': PBMC, 'val/chunk_1.zarr': PBMC };
const YAML =
  'max_failed_chunks: 1\nbatch_key: batch\nembedding_cpu: { methods: [gs, hvg], embedding_dim_map: { hvg: 64 } }\n';

let dataset: SmallDataset;
let bad: string;
beforeEach(async () => {
  dataset = await smallDataset(CHUNKS, YAML);
  bad = dataset.input('val/chunk_0.zarr');
});
afterEach(() => dataset.remove());

async function* rowsOfX(): AsyncGenerator<Extract<RowBlock, { kind: 'sparse' }>> {
  for await (const block of (await openZarr(bad)).rowBlocks('X')) if (block.kind === 'sparse') yield block;
}

async function mapX(map: (value: number, at: number) => number): Promise<void> {
  for await (const { values } of rowsOfX()) await writeNumbers(join(bad, 'X/data'), Float32Array.from(values, map));
}

async function renameGenes(name: (name: string, gene: number) => string): Promise<void> {
  const store = await openZarr(bad);
  await writeStrings(join(bad, 'var/index'), (await store.names('var')).map(name));
}

const withoutColumn = (axis: 'obs' | 'var', name: string): Promise<void> => removeColumn(bad, axis, name);

async function withoutCells(): Promise<void> {
  for (const matrix of ['X', 'layers/counts']) {
    await editJson(join(bad, matrix, '.zattrs'), (attributes) => {
      attributes.shape = [0, GENES];
    });
    await writeNumbers(join(bad, matrix, 'indptr'), new Int32Array(1));
    await writeNumbers(join(bad, matrix, 'indices'), new Int32Array(0));
    await writeNumbers(join(bad, matrix, 'data'), new Float32Array(0));
  }
  await writeStrings(join(bad, 'obs/index'), []);
  for (const column of ['batch', 'n_counts', 'total_counts', 'sample_index']) await withoutColumn('obs', column);
}

/** What is wrong, how it comes about, the methods that fail on the chunk, and what the message says. */
const CONTENT: [string, () => Promise<unknown>, string[], RegExp][] = [
  [
    'NaN in X',
    () => mapX((value, at) => (at === 1234 ? Number.NaN : value)),
    ['gs', 'hvg'],
    /X of val\/chunk_0 holds NaN at row 0, column \d+ \(cell "[ACGT]+-1", gene ".+"\).*Remove or impute/,
  ],
  [
    'infinity in X',
    () => mapX((value, at) => (at === 1234 ? Number.POSITIVE_INFINITY : value)),
    ['gs', 'hvg'],
    /X of val\/chunk_0 holds Infinity at row 0, column \d+ \(cell .*Remove or impute/,
  ],
  [
    'scaled X',
    () => mapX((value) => value - 1.5),
    ['gs', 'hvg'],
    /X of val\/chunk_0 holds negative values.*before scaling/,
  ],
  [
    'no counts layer beside an X that is neither log-normalised nor counts',
    async () => {
      await rm(join(bad, 'layers/counts'), { recursive: true });
      await mapX((value) => value * 100);
    },
    ['gs', 'hvg'],
    /X of val\/chunk_0 is neither log-normalised nor counts.*Store raw counts in layers\/counts/,
  ],
  [
    'neither X nor counts',
    async () => {
      for (const matrix of ['X', 'layers/counts']) await rm(join(bad, matrix), { recursive: true });
    },
    ['gs', 'hvg'],
    /val\/chunk_0 .*neither X nor layers\/counts.*Store/,
  ],
  [
    'no ensembl_id and names that are no symbols',
    async () => {
      await withoutColumn('var', 'ensembl_id');
      await renameGenes((name) => `gene ${name}`);
    },
    ['gs', 'hvg'],
    /val\/chunk_0.*(Add human Ensembl gene ids|gene_key)/,
  ],
  [
    'mouse genes',
    async () => {
      await withoutColumn('var', 'ensembl_id');
      await renameGenes((_, gene) => `ENSMUSG${String(gene).padStart(11, '0')}`);
    },
    ['gs', 'hvg'],
    /Wrong species: 16727 of 16727 gene ids of val\/chunk_0 begin with ENSMUSG \(mouse\).*orthologs|val\/chunk_0 has none of the 64 genes/,
  ],
  [
    'no batch_key column',
    () => withoutColumn('obs', 'batch'),
    ['hvg'],
    /val\/chunk_0 has no obs column "batch", which batch_key names; it has n_counts.*set batch_key to null/,
  ],
  [
    'duplicate gene names',
    () => renameGenes((name, gene) => (gene === 1 ? 'MT-CO1' : gene === 2 ? 'MT-CO1' : name)),
    ['hvg'],
    /Genes of val\/chunk_0 are not unique in var index: MT-CO1.*var_names_make_unique/,
  ],
  [
    'zero cells',
    withoutCells,
    ['gs', 'hvg'],
    /val\/chunk_0 has zero cells \(16727 genes\) at .*Remove the empty chunk/,
  ],
];

describe('a chunk with', () => {
  it.each(CONTENT)('%s fails alone, by name', async (_, spoil, fails, message) => {
    await spoil();
    const { status, chunks, failures } = await dataset.run();
    expect(status).toBe('partial');
    expect(chunks).toMatchObject({ total: 3, completed: 2, failed: 1 });
    expect(failures.map(({ chunk, method }) => `${chunk} ${method}`)).toEqual(
      fails.map((name) => `val/chunk_0 ${name}`),
    );
    for (const failure of failures) {
      expect(failure.type).toBe('InvalidInput');
      expect(failure.message).toMatch(message);
    }
    const arrays = ['X_gs', 'X_hvg'];
    const left = arrays.filter((key) => !fails.includes(key.slice(2)));
    await dataset.expectVisible({
      'train/chunk_0': arrays,
      ...(left.length > 0 ? { 'val/chunk_0': left } : {}),
      'val/chunk_1': arrays,
    });
  });

  it.each([
    ['no batch_key column', () => withoutColumn('obs', 'batch'), /train\/chunk_0.*batch/],
    [
      'duplicate gene names',
      () => renameGenes((name, gene) => (gene < 2 ? 'MT-CO1' : name)),
      /Genes of train\/chunk_0 are not unique/,
    ],
  ])('%s among those that hvg is fitted on fails hvg alone', async (_, spoil, message) => {
    await rm(dataset.input('val/chunk_1.zarr'), { recursive: true });
    bad = dataset.input('train/chunk_0.zarr');
    await spoil();
    const { status, methods, failures } = await dataset.run();
    expect(status).toBe('failed');
    expect(methods).toMatchObject({ gs: { computed: 2 }, hvg: { computed: 0, failed: 2 } });
    for (const failure of failures)
      expect(failure).toMatchObject({ type: 'InvalidInput', message: expect.stringMatching(message) });
    await dataset.expectVisible({ 'train/chunk_0': ['X_gs'], 'val/chunk_0': ['X_gs'] });
  });

  it.each([
    ['no batch_key column', () => withoutColumn('obs', 'batch')],
    ['duplicate gene names', () => renameGenes((name, gene) => (gene < 2 ? 'MT-CO1' : name))],
  ])('%s among those that hvg is fitted on is left out of the fit where max_failed_chunks allows', async (_, spoil) => {
    bad = dataset.input('train/chunk_1.zarr');
    await cp(fixture(PBMC), bad, { recursive: true });
    await spoil();
    const { status, methods, failures } = await dataset.run();
    expect(status).toBe('partial');
    expect(methods).toMatchObject({ gs: { computed: 4 }, hvg: { computed: 3, failed: 1 } });
    expect(failures).toMatchObject([{ chunk: 'train/chunk_1', method: 'hvg' }]);
    const { out } = await dataset.cli('plan', dataset.config, '--json');
    expect(JSON.parse(out).methods).toMatchObject([
      { method: 'gs', skip: 4 },
      { method: 'hvg', skip: 3, refused: 1 },
    ]);
  });
});

it('duplicate Ensembl ids count once: the first column in var order stands for the gene', async () => {
  await withoutColumn('var', 'ensembl_id');
  await renameGenes((_, gene) => (gene === EXPRESSED || gene === EXPRESSED + 1 ? FIRST_OF_GS10K : `spike-in ${gene}`));
  await dataset.configure('embedding_cpu: { methods: [gs10k] }\n');
  const { status } = await dataset.run({ chunks: ['val/chunk_0'] });
  expect(status).toBe('completed');
  const first = new Float32Array(24);
  for await (const { start, rows, indptr, indices, values } of rowsOfX()) {
    for (let row = 0; row < rows; row++) {
      const at = indices.indexOf(EXPRESSED, indptr[row]);
      if (at >= 0 && at < indptr[row + 1]!) first[start + row] = values[at]!;
    }
  }
  expect(first.some((value) => value > 0)).toBe(true);
  const found = await embedding(dataset.output('val/chunk_0'), 'X_gs10k');
  expect(first).toEqual(Float32Array.from({ length: 24 }, (_, row) => found[row * 10_000]!));
});
