import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { type MemoryMatrix, memoryAnnData } from '../../test/memory-anndata.js';
import { expressionBlocks } from './expression.js';

/** Counts and scanpy's normalize_total + log1p of them; made by test/oracle/log_normalize.py. */
const fixture: { indptr: number[]; indices: number[]; counts: number[]; logNormalized: number[]; columns: number } =
  JSON.parse(await readFile(new URL('../../test/fixtures/log-normalize.json', import.meta.url), 'utf8'));

const rowsOf = (values: number[]): number[][] =>
  fixture.indptr.slice(1).map((end, row) => {
    const cells = new Array<number>(fixture.columns).fill(0);
    for (let at = fixture.indptr[row]!; at < end; at++) cells[fixture.indices[at]!] = values[at]!;
    return cells;
  });

const stored = (rows: number[][]): number => rows.flat().filter((value) => value !== 0).length;

function chunkOf(path: 'X' | 'counts', matrix: MemoryMatrix) {
  const cells = matrix.rows.map((_, row) => `cell${row}`);
  const genes = matrix.rows[0]!.map((_, column) => `gene${column}`);
  return memoryAnnData({ cells, genes, ...(path === 'X' ? { X: matrix } : { layers: { counts: matrix } }) });
}

type Source = 'X' | 'X-as-counts' | 'layers/counts';

async function dense(chunk: ReturnType<typeof chunkOf>, expression: Source, blockRows = 5): Promise<number[][]> {
  const rows: number[][] = [];
  for await (const block of expressionBlocks(chunk, { name: 'train/chunk_0', expression }, { blockRows })) {
    expect(block.values).toBeInstanceOf(Float32Array);
    expect(block.start).toBe(rows.length);
    for (let row = 0; row < block.rows; row++) {
      const out = new Array<number>(block.columns).fill(0);
      for (let at = block.indptr[row]!; at < block.indptr[row + 1]!; at++) out[block.indices[at]!] = block.values[at]!;
      rows.push(out);
    }
  }
  return rows;
}

const counts = rowsOf(fixture.counts);
const logNormalized = rowsOf(fixture.logNormalized);
/** Spacing of float32 from 8 to 16: one unit in the last place of the largest values here. */
const ULP = 9.6e-7;

describe('expressionBlocks', () => {
  it.each(['csr', 'dense'] as const)('gives log-normalised X (%s) as it is', async (encoding) => {
    const X: MemoryMatrix = { encoding, dtype: 'float32', rows: logNormalized };
    expect(await dense(chunkOf('X', X), 'X')).toEqual(logNormalized);
  });

  it('rounds a float64 X to float32', async () => {
    const X: MemoryMatrix = { encoding: 'csr', dtype: 'float64', rows: [[0.1, 0, 0.7]] };
    expect(await dense(chunkOf('X', X), 'X')).toEqual([[Math.fround(0.1), 0, Math.fround(0.7)]]);
  });

  it.each([
    ['X', 'X-as-counts', 'csr'],
    ['X', 'X-as-counts', 'dense'],
    ['counts', 'layers/counts', 'csr'],
    ['counts', 'layers/counts', 'dense'],
  ] as const)('normalises %s (%s, %s) as scanpy', async (path, expression, encoding) => {
    const found = await dense(chunkOf(path, { encoding, dtype: 'float32', rows: counts }), expression);
    expect(stored(found)).toBe(fixture.logNormalized.length);
    for (const [row, values] of found.entries()) {
      for (const [column, value] of values.entries()) {
        expect(Math.abs(value - logNormalized[row]![column]!)).toBeLessThan(ULP);
      }
    }
  });

  it('gives the same rows whatever the block size', async () => {
    const chunk = chunkOf('counts', { encoding: 'dense', dtype: 'float64', rows: counts });
    const whole = await dense(chunk, 'layers/counts', 100);
    for (const blockRows of [1, 3, 7]) expect(await dense(chunk, 'layers/counts', blockRows)).toEqual(whole);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('refuses %s among counts and names its place', async (bad) => {
    const rows = [
      [1, 0, 2],
      [0, 3, 0],
      [0, 5, bad],
    ];
    const chunk = chunkOf('counts', { encoding: 'csr', dtype: 'float64', rows });
    await expect(dense(chunk, 'layers/counts', 2)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining(`layers/counts of train/chunk_0 holds ${bad} at row 2, column 2`),
    });
  });
});
