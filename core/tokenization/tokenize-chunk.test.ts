import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryAnnData } from '../../test/memory-anndata.js';
import { openAnnData } from '../anndata/open.js';
import type { AnnData, BlockValues, Column, RowBlock } from '../anndata/types.js';
import type { TokenizerSettings, Vocabulary } from '../inference/bundle/types.js';
import { QUIET } from '../tasks/types.js';
import { openTokenFile } from './token-file.js';
import { type TokenReport, tokenizeChunk } from './tokenize-chunk.js';

const fixture = (name: string) => new URL(`../../test/fixtures/${name}`, import.meta.url).pathname;
const readFixture = <T>(name: string): T =>
  JSON.parse(gunzipSync(readFileSync(fixture(`geneformer/${name}.json.gz`))).toString('utf8')) as T;

const V1: TokenizerSettings = { targetSum: 10_000, specialToken: false, inputSize: 2048, tieBreak: 'stable' };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-tokens-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Options {
  readonly tokenizer?: TokenizerSettings;
  readonly mapSymbols?: boolean;
}

async function tokenize(
  input: AnnData,
  vocabulary: Vocabulary,
  { tokenizer = V1, mapSymbols = true }: Options = {},
): Promise<{ tokens: number[][]; report: TokenReport }> {
  const path = join(folder, `${Math.random()}.tokens`);
  const bundle = { id: 'test-bundle', tokenizer, vocabulary };
  const report = await tokenizeChunk({ input, name: 'train/chunk_0', bundle, mapSymbols, path }, QUIET);
  const file = (await openTokenFile(path))!;
  const rows = await file.rows(0, file.cells);
  expect(file.report).toEqual(report);
  await file.close();
  return { tokens: rows.map((row) => [...row]), report };
}

describe('real cells, with the dictionaries of Geneformer V1', () => {
  it.each([
    ['pbmc-24', 'pbmc-24/chunk_0.zarr'],
    ['heart-60', 'heart-60/chunk_0.zarr'],
    ['heart-60', 'heart-60/chunk_0.h5ad'],
  ])('tokens of %s equal the official ones in every cell (%s)', async (name, store) => {
    const chunk = await openAnnData(fixture(store));
    const { tokens, report } = await tokenize(chunk, readFixture('v1-vocabulary'));
    expect(tokens).toEqual(readFixture(`${name}-v1-tokens`));
    expect(report).toMatchObject({ cells: chunk.cells, emptyCells: 0, tokens: tokens.flat().length });
    expect(report.known + report.lost).toBe(chunk.genes);
    expect(report.warning).toBeUndefined();
    await chunk.close();
  });
});

interface EdgeCase {
  readonly name: string;
  readonly ids: string[];
  readonly dtype: 'int32' | 'float32' | 'float64' | 'int16' | 'uint32';
  readonly encoding: 'csr' | 'csc' | 'dense';
  readonly sumsType: string;
  readonly sums: number[];
  readonly filterPass: number[] | null;
  readonly indptr: number[];
  readonly indices: number[];
  readonly values: number[];
  readonly tokenizer: TokenizerSettings;
  readonly vocabulary: Vocabulary;
  readonly tokens: number[][];
}

const ARRAYS = {
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
  int16: Int16Array,
  uint32: Uint32Array,
};

describe('edge cases, by the genuine tokenizer with a stable sort', () => {
  it.each(readFixture<EdgeCase[]>('edge-cases').map((edge) => [edge.name, edge] as const))(
    '%s',
    async (_name, edge) => {
      const { tokens } = await tokenize(chunkOf(edge), edge.vocabulary, { tokenizer: edge.tokenizer });
      expect(tokens).toEqual(edge.tokens);
    },
  );
});

/** A chunk whose matrix may hold stored zeros. */
function chunkOf(edge: EdgeCase): AnnData {
  const { ids, indptr, indices, encoding, dtype } = edge;
  const [rows, columns] = [indptr.length - 1, ids.length];
  const values: BlockValues = ARRAYS[dtype].from(edge.values);
  const dense: BlockValues = new ARRAYS[dtype](rows * columns);
  for (let row = 0; row < rows; row++)
    for (let at = indptr[row]!; at < indptr[row + 1]!; at++) dense[row * columns + indices[at]!] = values[at]!;
  const place = { start: 0, rows, columns };
  const block: RowBlock =
    encoding === 'dense'
      ? { kind: 'dense', ...place, values: dense }
      : { kind: 'sparse', ...place, indptr: Int32Array.from(indptr), indices: Int32Array.from(indices), values };
  const numbers = (column: number[], type: string): Column => ({
    kind: 'numbers',
    values: Float64Array.from(column),
    dtype: type,
  });
  return {
    ...memoryAnnData({
      cells: edge.sums.map((_sum, cell) => `c${cell}`),
      genes: ids.map((_id, gene) => `v${gene}`),
      obs: {
        n_counts: numbers(edge.sums, edge.sumsType),
        ...(edge.filterPass ? { filter_pass: numbers(edge.filterPass, 'int64') } : {}),
      },
      var: { ensembl_id: { kind: 'strings', values: ids } },
    }),
    matrix: async () => ({ encoding, dtype, rows, columns, stored: values.length }),
    rowBlocks: async function* () {
      yield block;
    },
  };
}

const VOCABULARY: Vocabulary = {
  genes: ['ENSG00000000003', 'ENSG00000188976'],
  tokens: [2, 3],
  medians: [1, 2],
  aliases: {},
  unmapped: [],
  special: { '<pad>': 0, '<mask>': 1 },
};

const small = (genes: string[], rows: number[][], obs: Record<string, Column> = {}) =>
  memoryAnnData({
    cells: rows.map((_row, cell) => `c${cell}`),
    genes,
    obs,
    layers: { counts: { encoding: 'csr', dtype: 'float32', rows } },
  });
const numbers = (...values: number[]): Column => ({ kind: 'numbers', values: Float64Array.from(values) });
const KNOWN = ['ENSG00000000003', 'ENSG00000188976.11', 'ENSG00000777777'];

describe('what is in no reference', () => {
  it('sums counts where there is no n_counts, strips versions, and leaves empty cells without tokens', async () => {
    const { tokens, report } = await tokenize(
      small(KNOWN, [
        [1, 4, 9],
        [0, 0, 0],
        [0, 0, 5],
        [3, 5, 0],
      ]),
      VOCABULARY,
    );
    expect(tokens).toEqual([[3, 2], [], [], [2, 3]]);
    expect(report).toMatchObject({ genes: 3, known: 2, lost: 1, emptyCells: 2, filteredCells: 0, source: 'index' });
  });

  it('counts cells that filter_pass excludes, also where it holds booleans', async () => {
    const filter_pass: Column = { kind: 'booleans', values: [true, false, null] };
    const { tokens, report } = await tokenize(
      small(
        KNOWN,
        [
          [1, 0, 0],
          [1, 0, 0],
          [1, 0, 0],
        ],
        { filter_pass },
      ),
      VOCABULARY,
    );
    expect(tokens).toEqual([[2], [], []]);
    expect(report).toMatchObject({ filteredCells: 2, emptyCells: 0 });
  });

  it('looks symbols up with a note of it, or refuses them where that is off', async () => {
    const chunk = small(['NOC2L', 'unheard-of'], [[1, 1]]);
    expect((await tokenize(chunk, VOCABULARY)).report).toMatchObject({ source: 'symbols', known: 1 });
    await expect(tokenize(chunk, VOCABULARY, { mapSymbols: false })).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(/^Missing ensembl_id for Geneformer: .*NOC2L/),
      remedy: expect.stringContaining('map_symbols'),
    });
  });

  it('warns where few genes are known', async () => {
    const strangers = Array.from({ length: 9 }, (_v, at) => `ENSG0000077777${at}`);
    const { report } = await tokenize(
      small(['ENSG00000000003', ...strangers], [[1, ...strangers.map(() => 1)]]),
      VOCABULARY,
    );
    expect(report.warning).toBe('only 1 of 10 genes are in the vocabulary (10.0 %): check gene ids and species');
  });

  it.each<[string, AnnData, RegExp]>([
    [
      'no known gene',
      small(['Gene1', 'Gene2'], [[1, 1]]),
      /^Missing ensembl_id for Geneformer: none of the 2 genes .*Gene1/,
    ],
    ['mouse genes', small(['ENSMUSG00000000001'], [[1]]), /^Wrong species: .*mouse/],
    [
      'fractions',
      small(KNOWN, [
        [1, 0, 0],
        [0, 0, 1.5],
      ]),
      /layers\/counts of train\/chunk_0 holds 1.5 at row 1, column 2/,
    ],
    ['negative counts', small(KNOWN, [[-1, 0, 0]]), /holds -1 at row 0, column 0/],
    ['NaN', small(KNOWN, [[Number.NaN, 0, 0]]), /holds NaN at row 0, column 0/],
    ['infinity', small(KNOWN, [[Number.POSITIVE_INFINITY, 0, 0]]), /holds Infinity at row 0/],
    [
      'a sum of 0 with counts',
      small(KNOWN, [[1, 0, 0]], { n_counts: numbers(0) }),
      /obs.n_counts of train\/chunk_0 is 0 at row 0/,
    ],
    ['a missing sum', small(KNOWN, [[1, 0, 0]], { n_counts: numbers(Number.NaN) }), /obs.n_counts .* is NaN at row 0/],
    [
      'sums that are text',
      small(KNOWN, [[1, 0, 0]], { n_counts: { kind: 'strings', values: ['1'] } }),
      /obs.n_counts .* holds strings/,
    ],
    ['no counts', memoryAnnData({ cells: ['c'], genes: KNOWN }), /has no layers\/counts/],
  ])('refuses %s, and leaves no file behind', async (_what, chunk, message) => {
    const before = await readdir(folder);
    await expect(tokenize(chunk, VOCABULARY)).rejects.toMatchObject({
      type: 'InvalidInput',
      retryable: false,
      message: expect.stringMatching(message),
    });
    expect(await readdir(folder)).toEqual(before);
  });
});
