import { describe, expect, it } from 'vitest';
import { BLOCK_ROWS } from '../anndata/types.js';
import { expm1 } from '../kernels/exp.js';
import { uniform } from '../kernels/tridiagonal.js';
import type { ExpressionBlock } from '../methods/expression.js';
import { cellBatches } from './cell-batches.js';
import { accumulateGeneStatistics, type CellBatches } from './gene-statistics.js';

const [cells, genes] = [10_000, 60];
const next = uniform(11);
const stored = Array.from({ length: cells }, () => {
  const indices = Array.from({ length: genes }, (_, gene) => gene).filter(() => next() < 0.3);
  return { indices, values: indices.map(() => Math.fround(Math.log1p(Math.ceil(next() * 20) / 3))) };
});

async function* blocksOf(start: number, end: number, blockRows: number): AsyncGenerator<ExpressionBlock> {
  for (let first = start; first < end; first += blockRows) {
    const rows = stored.slice(first, Math.min(end, first + blockRows));
    const indptr = new Int32Array(rows.length + 1);
    rows.forEach((row, at) => {
      indptr[at + 1] = indptr[at]! + row.indices.length;
    });
    const indices = Int32Array.from(rows.flatMap((row) => row.indices));
    const values = Float32Array.from(rows.flatMap((row) => row.values));
    yield { kind: 'sparse', start: first, rows: rows.length, columns: genes, indptr, indices, values };
  }
}

/** What is to be computed, as it is written down: blocks of 4,096 rows on their own, added in order. */
function expectedSums({ codes, names }: CellBatches): Float64Array[] {
  return names.map((_, batch) => {
    const total = new Float64Array(genes * 2);
    for (let first = 0; first < cells; first += BLOCK_ROWS) {
      const block = new Float64Array(genes * 2);
      for (let row = first; row < Math.min(cells, first + BLOCK_ROWS); row++) {
        if (codes !== null && codes[row] !== batch) continue;
        for (const [at, gene] of stored[row]!.indices.entries()) {
          const value = Math.fround(expm1(stored[row]!.values[at]!));
          block[gene * 2]! += value;
          block[gene * 2 + 1]! += Math.fround(value * value);
        }
      }
      for (let sum = 0; sum < total.length; sum++) total[sum]! += block[sum]!;
    }
    return total;
  });
}

async function sumsOf(batches: CellBatches, blockRows?: number, memory?: number): Promise<Float64Array[]> {
  const delivered: Float64Array[] = [];
  await accumulateGeneStatistics({
    genes,
    batches,
    blocks: (start, end, asked) => blocksOf(start, end, blockRows ?? asked),
    deliver: (batch, sums) => {
      delivered[batch] = sums.slice();
    },
    ...(memory === undefined ? {} : { memory }),
  });
  return delivered;
}

const labels = (count: number) => Array.from({ length: cells }, (_, cell) => `batch ${(cell * 31) % count}`);

describe('sums of gene statistics', () => {
  it.each([
    ['no batches', { names: [''], codes: null, cells: Float64Array.of(cells) }],
    ['few batches', cellBatches(labels(3).map((label, cell) => (cell % 17 === 0 ? null : label)))],
    ['many batches', cellBatches(labels(100))],
  ])('have the bits of blocks that are summed on their own: %s', async (_, batches) => {
    expect(await sumsOf(batches)).toEqual(expectedSums(batches));
  });

  it('do not depend on how much is read at once, nor on how many passes there are', async () => {
    const batches = cellBatches(labels(5));
    const expected = expectedSums(batches);
    for (const blockRows of [64, 512, BLOCK_ROWS]) expect(await sumsOf(batches, blockRows)).toEqual(expected);
    expect(await sumsOf(batches, undefined, 2 * genes * 16)).toEqual(expected);
  });
});
