import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type MemoryStore, memoryAnnData } from '../../test/memory-anndata.js';
import { openAnnData } from '../anndata/open.js';
import type { AnnData, Column } from '../anndata/types.js';
import { readSummary } from '../dataset/summary.js';
import type { ChunkScan } from '../dataset/types.js';
import type { Fit } from '../fits/types.js';
import { expressionBlocks } from './expression.js';
import { hvg } from './hvg.js';
import type { MatrixEmbedder, MethodSettings } from './types.js';

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

type HvgSettings = Parameters<typeof hvg.open>[0]['settings'];

function settingsOf(
  scope: 'chunk' | 'dataset',
  dim: number,
  batchKey: string | null = null,
  geneKey: string | null = null,
): HvgSettings {
  return { method: 'hvg', dim, options: { scope, gene_key: geneKey }, batchKey, batchSize: 128 };
}

async function scanOf(chunk: AnnData, expression: ChunkScan['expression'] = 'X'): Promise<ChunkScan> {
  return { ...(await readSummary(chunk, 'train/chunk_0')), fingerprint: '', digests: {}, expression };
}

async function embed(
  chunk: AnnData,
  settings: HvgSettings,
  { expression, fit = null }: { expression?: ChunkScan['expression']; fit?: Fit | null } = {},
) {
  const scan = await scanOf(chunk, expression);
  const embedder = (await hvg.open({ settings, chunk, scan, fit })) as MatrixEmbedder;
  const out = new Float32Array(chunk.cells * settings.dim);
  for await (const block of expressionBlocks(chunk, scan)) {
    await embedder.embed(block, out.subarray(block.start * settings.dim, (block.start + block.rows) * settings.dim));
  }
  return { out, provenance: embedder.provenance, report: embedder.report };
}

/** 6 cells x 5 genes, log-normalised; genes b and e vary most. */
const ROWS = [
  [1, 0, 1.2, 0.5, 0],
  [1.1, 2.5, 1, 0.4, 0],
  [0.9, 0, 1.1, 0.6, 3],
  [1, 2.9, 1.3, 0.5, 0],
  [1.05, 0, 1.1, 0.45, 0],
  [1, 0, 1.2, 0.55, 3.2],
];

function small(varColumns: Record<string, Column> = {}): AnnData {
  const store: MemoryStore = {
    cells: ROWS.map((_, cell) => `cell ${cell}`),
    genes: ['a', 'b', 'c', 'd', 'e'],
    X: { encoding: 'csr', dtype: 'float32', rows: ROWS },
    obs: { donor: { kind: 'strings', values: [null, null, null, null, null, null] } },
    var: varColumns,
  };
  return memoryAnnData(store);
}

const marks = (values: boolean[]): Column => ({ kind: 'booleans', values });
const columnsOf = (genes: number[]): Float32Array =>
  Float32Array.from(ROWS.flatMap((row) => genes.map((gene) => row[gene]!)));

describe('hvg of scope chunk', () => {
  it.each(['chunk512', 'chunk512Batches'] as const)(
    'chooses the genes that scanpy chooses on the same cells (%s)',
    async (key) => {
      const expected = JSON.parse(await readFile(path('test/fixtures/hvg-pca/pbmc.json'), 'utf8')) as Record<
        typeof key,
        string[]
      >;
      const file = await openAnnData(path('resources/demo/pbmc_10k_protein_v3.h5ad'));
      try {
        const batches: Column = {
          kind: 'strings',
          values: Array.from({ length: 200 }, (_, cell) => `batch ${cell % 3}`),
        };
        const chunk: AnnData = {
          ...memoryAnnData({ cells: await file.names('obs'), genes: await file.names('var'), obs: { batch: batches } }),
          rowBlocks: (matrix, range) => file.rowBlocks(matrix, range),
        };
        // The file marks genes that its authors chose; without them the choice is made anew.
        const scan = { ...(await scanOf(file, 'X-as-counts')), varColumns: [] };
        const settings = settingsOf('chunk', 512, key === 'chunk512' ? null : 'batch');
        const embedder = await hvg.open({ settings, chunk, scan, fit: null });
        expect(embedder.provenance.genes).toEqual(expected[key]);
      } finally {
        await file.close();
      }
    },
  );

  it('takes genes that var.highly_variable marks, where there are as many as asked for', async () => {
    const { out, provenance } = await embed(
      small({ highly_variable: marks([true, false, false, true, false]) }),
      settingsOf('chunk', 2),
    );
    expect(out).toEqual(columnsOf([0, 3]));
    expect(provenance.genes).toEqual(['a', 'd']);
  });

  it('takes those of the highest var.dispersions_norm, where more are marked', async () => {
    const dispersions: Column = { kind: 'numbers', values: Float64Array.of(3, 1, Number.NaN, 3, 2) };
    const chunk = small({ highly_variable: marks([true, true, true, true, true]), dispersions_norm: dispersions });
    expect((await embed(chunk, settingsOf('chunk', 3))).provenance.genes).toEqual(['a', 'd', 'e']);
  });

  it('refuses more marked genes than asked for without var.dispersions_norm', async () => {
    const chunk = small({ highly_variable: marks([true, true, true, true, true]) });
    await expect(embed(chunk, settingsOf('chunk', 3))).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('train/chunk_0 marks 5 genes'),
      remedy: expect.stringContaining("Missing 'dispersions_norm'"),
    });
  });

  it('chooses anew where too few are marked', async () => {
    const { provenance } = await embed(
      small({ highly_variable: marks([true, false, false, false, false]) }),
      settingsOf('chunk', 2),
    );
    const anew = await embed(small(), settingsOf('chunk', 2));
    expect(provenance.genes).toEqual(anew.provenance.genes);
  });

  it('refuses a chunk with fewer genes than asked for, as the original does', async () => {
    const chunk = await openAnnData(path('test/fixtures/heart-60/chunk_0.zarr'));
    try {
      await expect(embed(chunk, settingsOf('chunk', 512))).rejects.toMatchObject({
        type: 'InvalidInput',
        message: expect.stringMatching(
          /^Selected less highly variable genes than requested\. Requested 512, selected \d+\. Full data contains 136 genes\.$/,
        ),
        remedy: expect.stringContaining('embedding_dim_map.hvg'),
      });
    } finally {
      await chunk.close();
    }
  });

  it('refuses a batch column without a value, and gene names that are not unique', async () => {
    await expect(embed(small(), settingsOf('chunk', 2, 'donor'))).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('obs/donor'),
    });
    const chunk = small({ symbol: { kind: 'strings', values: ['x', 'y', 'x', 'z', 'w'] } });
    await expect(embed(chunk, settingsOf('chunk', 2, null, 'symbol'))).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(/train\/chunk_0.*symbol: x/),
    });
  });
});

describe('hvg of scope dataset', () => {
  const fit = (genes: string[]): Fit => ({
    id: 'f',
    method: 'hvg',
    algorithmVersion: 1,
    parameters: {},
    genes,
    chunks: [],
    leftOut: [],
    arrays: {},
  });

  it('takes the fit’s genes in its order, zeros for those that the chunk lacks, and says how many', async () => {
    const { out, report, provenance } = await embed(small(), settingsOf('dataset', 3), {
      fit: fit(['e', 'unknown', 'a']),
    });
    expect(out).toEqual(Float32Array.from(ROWS.flatMap((row) => [row[4]!, 0, row[0]!])));
    expect(report).toEqual({ genes: 3, found: 2, missing: 1 });
    expect(provenance).toMatchObject({
      genes: ['e', 'unknown', 'a'],
      genesDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('matches genes by a var column where gene_key names one', async () => {
    const chunk = small({
      symbol: { kind: 'categories', categories: ['V', 'W', 'X', 'Y', 'Z'], codes: Int32Array.of(4, 3, 2, 1, 0) },
    });
    const { out } = await embed(chunk, settingsOf('dataset', 1, null, 'symbol'), { fit: fit(['Z']) });
    expect(out).toEqual(columnsOf([0]));
  });

  it('refuses a chunk that has none of the genes', async () => {
    await expect(embed(small(), settingsOf('dataset', 1), { fit: fit(['ENSG1']) })).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(/none of the 1 genes.*ENSG1.*it has a, b, c/),
    });
  });

  it('has a fit, and refuses chunks without the columns that it needs', async () => {
    const settings = settingsOf('dataset', 2, 'batch', 'symbol');
    expect(hvg.fitRounds(settings)).toEqual(['gene-statistics']);
    expect(hvg.fitRounds(settingsOf('chunk', 2))).toEqual([]);
    const problems = hvg.problems(
      settings as MethodSettings<HvgSettings['options']>,
      await readSummary(small(), 'train/chunk_0'),
    );
    expect(problems.map(({ where }) => where)).toEqual(['obs/batch', 'var/symbol']);
  });
});
