import { expect, it } from 'vitest';
import { BLOCK_ROWS } from '../anndata/types.js';
import { FilterColumns } from '../kernels/filter-columns.js';
import { uniform } from '../kernels/tridiagonal.js';
import type { ExpressionBlock } from '../methods/expression.js';
import { accumulateGram } from './gram.js';

const [cells, columns] = [9000, 30];
const next = uniform(7);
const dense = Float32Array.from({ length: cells * columns }, () => (next() < 0.3 ? Math.fround(next() * 5) : 0));

/** The cells in blocks, with the columns of the chunk in another order. */
async function* blocksOf(order: readonly number[], blockRows: number): AsyncGenerator<ExpressionBlock> {
  for (let start = 0; start < cells; start += blockRows) {
    const rows = Math.min(blockRows, cells - start);
    const indptr = new Int32Array(rows + 1);
    const indices: number[] = [];
    const values: number[] = [];
    for (let row = 0; row < rows; row++) {
      for (const [column, gene] of order.entries()) {
        const value = dense[(start + row) * columns + gene]!;
        if (value === 0) continue;
        indices.push(column);
        values.push(value);
      }
      indptr[row + 1] = indices.length;
    }
    yield {
      ...{ kind: 'sparse', start, rows, columns, indptr },
      indices: Int32Array.from(indices),
      values: Float32Array.from(values),
    };
  }
}

async function* chosenOf(
  blocks: AsyncIterable<ExpressionBlock>,
  positions: Int32Array,
): AsyncGenerator<ExpressionBlock> {
  const filter = new FilterColumns(positions);
  for await (const block of blocks) yield filter.apply(block);
}

const chosen = [3, 4, 9, 12, 20, 21, 29];

/** What is to be computed: blocks of 4,096 rows on their own, added in order. */
function expected(): { sums: number[]; products: number[] } {
  const inBlocks = (valueIn: (cell: number) => number): number => {
    let total = 0;
    for (let first = 0; first < cells; first += BLOCK_ROWS) {
      let block = 0;
      for (let cell = first; cell < Math.min(cells, first + BLOCK_ROWS); cell++) block += valueIn(cell);
      total += block;
    }
    return total;
  };
  const at = (cell: number, gene: number): number => dense[cell * columns + gene]!;
  return {
    sums: chosen.map((gene) => inBlocks((cell) => at(cell, gene))),
    products: chosen.flatMap((a, row) => chosen.slice(row).map((b) => inBlocks((cell) => at(cell, a) * at(cell, b)))),
  };
}

it.each([
  ['in order', Array.from({ length: columns }, (_, gene) => gene), 1024],
  ['in reverse', Array.from({ length: columns }, (_, gene) => columns - 1 - gene), BLOCK_ROWS],
  ['mixed', Array.from({ length: columns }, (_, at) => (at * 7) % columns), 256],
])('sums chosen genes whatever the order of the columns and the size of blocks: %s', async (_, order, blockRows) => {
  const positions = Int32Array.from(order, (gene) => chosen.indexOf(gene));
  const gram = await accumulateGram(chosenOf(blocksOf(order, blockRows), positions), positions, chosen.length);
  expect({ sums: [...gram.sums], products: [...gram.products] }).toEqual(expected());
});

it('leaves zeros for chosen genes that the chunk lacks', async () => {
  const order = Array.from({ length: columns }, (_, gene) => gene);
  const positions = Int32Array.from(order, (gene) => (gene === 9 ? -1 : chosen.indexOf(gene)));
  const gram = await accumulateGram(chosenOf(blocksOf(order, 1024), positions), positions, chosen.length);
  const { sums } = expected();
  expect([...gram.sums]).toEqual(sums.map((sum, at) => (chosen[at] === 9 ? 0 : sum)));
});
