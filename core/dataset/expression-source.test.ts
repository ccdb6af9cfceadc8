import { describe, expect, it } from 'vitest';
import { memoryAnnData } from '../../test/memory-anndata.js';
import { expressionSource } from './expression-source.js';
import { StatisticsPass } from './matrix-statistics.js';

type Encoding = 'csr' | 'dense';

async function statisticsOf(rows: number[][], encoding: Encoding = 'csr', blockRows = 2) {
  const genes = rows[0]!.map((_, column) => `gene${column}`);
  const cells = rows.map((_, row) => `cell${row}`);
  const chunk = memoryAnnData({ cells, genes, X: { encoding, dtype: 'float32', rows } });
  const pass = new StatisticsPass();
  for await (const block of chunk.rowBlocks('X', { blockRows })) {
    const nonFinite = pass.add(block);
    if (nonFinite) return nonFinite;
  }
  return pass.finish();
}

async function source(rows: number[][], hasCounts: boolean): Promise<string> {
  const statistics = await statisticsOf(rows);
  if ('column' in statistics) throw new Error('not finite');
  return expressionSource(statistics, hasCounts, 'train/chunk_0');
}

const LOG_NORMALIZED = [
  [0.5, 0, 1.5],
  [0, 2.25, 0],
  [1.25, 0.5, 0.25],
];
const COUNTS = [
  [120, 0, 3],
  [0, 7, 0],
  [1, 900, 2],
];
const SHALLOW_COUNTS = [
  [1, 0, 3],
  [2, 1, 0],
  [1, 1, 2],
];

describe('StatisticsPass', () => {
  it.each<Encoding>(['csr', 'dense'])(
    'finds range, non-integers and spread of row sums of a %s matrix',
    async (encoding) => {
      // Row sums 2, 2.25, 2: mean 25/12, deviation (ddof 0) sqrt(1/72).
      const found = await statisticsOf(LOG_NORMALIZED, encoding);
      expect(found).toMatchObject({ min: 0, max: 2.25, entries: 9, nonIntegers: 6 });
      expect((found as { rowSumMean: number }).rowSumMean).toBeCloseTo(25 / 12, 12);
      expect((found as { rowSumDeviation: number }).rowSumDeviation).toBeCloseTo(Math.sqrt(1 / 72), 12);
    },
  );

  it('counts absent values as zeros only where there are some', async () => {
    expect(await statisticsOf([[1.5, 2.5]])).toMatchObject({ min: 1.5, max: 2.5 });
    expect(await statisticsOf([[1.5, 0]])).toMatchObject({ min: 0, max: 1.5 });
  });

  it.each<Encoding>(['csr', 'dense'])('names the first NaN or infinity of a %s matrix', async (encoding) => {
    const rows = [
      [1, 0, 2],
      [0, 1, 0],
      [3, 0, Number.NaN],
      [Number.POSITIVE_INFINITY, 0, 0],
    ];
    expect(await statisticsOf(rows, encoding)).toEqual({ row: 2, column: 2, value: Number.NaN });
    rows[2] = [0, 0, 1];
    expect(await statisticsOf(rows, encoding)).toEqual({ row: 3, column: 0, value: Number.POSITIVE_INFINITY });
  });
});

describe('expressionSource', () => {
  it('takes log-normalised X as it is', async () => {
    expect(await source(LOG_NORMALIZED, true)).toBe('X');
    expect(await source(LOG_NORMALIZED, false)).toBe('X');
  });

  it('normalises from counts where X is not log-normalised', async () => {
    expect(await source(COUNTS, true)).toBe('layers/counts');
    expect(await source(COUNTS, false)).toBe('X-as-counts');
  });

  it('takes small integers as the counts of shallow cells', async () => {
    expect(await source(SHALLOW_COUNTS, false)).toBe('X-as-counts');
    expect(await source(SHALLOW_COUNTS, true)).toBe('layers/counts');
  });

  it('asks for row sums that vary less than their mean', async () => {
    const uneven = [
      [0.5, 0.1],
      [0.2, 0.1],
      [9.5, 9.5],
    ];
    expect(await source(uneven, true)).toBe('layers/counts');
    await expect(source(uneven, false)).rejects.toThrow(/neither log-normalised nor counts: maximum 9.5.*no integers/);
  });

  it('takes values from 100 on as not log-normalised', async () => {
    expect(await source([[99.5, 0.5]], true)).toBe('X');
    expect(await source([[100, 0.5]], true)).toBe('layers/counts');
  });

  it('refuses scaled X, and lets rounding noise below zero pass', async () => {
    await expect(source([[-1.5, 0.5]], true)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(/X of train\/chunk_0 holds negative values \(minimum -1.5\): it looks scaled/),
    });
    expect(await source([[-0.0005, 0.5]], true)).toBe('X');
  });

  it('needs X or counts', () => {
    expect(expressionSource(null, true, 'train/chunk_0')).toBe('layers/counts');
    expect(() => expressionSource(null, false, 'train/chunk_0')).toThrow(/neither X nor layers\/counts/);
  });
});
