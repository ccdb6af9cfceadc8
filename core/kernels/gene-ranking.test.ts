import { describe, expect, it } from 'vitest';
import type { RowBlock } from '../anndata/types.js';
import { FIRST_SUM, GeneRanking, type Ranking } from './gene-ranking.js';
import { uniform } from './tridiagonal.js';

/** The kernel's double. Array.prototype.sort is stable. */
function rank(block: RowBlock, row: number, factor: number, ranking: Ranking): { codes: number[]; found: number } {
  const { columns, sums, targetSum, sparse, float32Products, most } = ranking;
  const round = float32Products ? Math.fround : (value: number) => value;
  const scaled = (count: number, worth: number) => {
    const product = round(round(sparse ? count * factor : count / factor) * targetSum);
    return sparse ? product * worth : product / worth;
  };
  const ranked: { code: number; value: number }[] = [];
  const counted = new Float64Array(sums.codes.length);
  for (const [column, count] of rowOf(block, row)) {
    const code = columns.codes[column]!;
    if (code >= FIRST_SUM) counted[code - FIRST_SUM]! += count;
    else if (code >= 0 && (sparse || count !== 0)) ranked.push({ code, value: scaled(count, columns.worth[column]!) });
  }
  for (const [sum, count] of counted.entries()) {
    if (count !== 0) ranked.push({ code: sums.codes[sum]!, value: scaled(count, sums.worth[sum]!) });
  }
  const codes = ranked.sort((a, b) => b.value - a.value).map(({ code }) => code);
  return { codes: codes.slice(0, most), found: codes.length };
}

function rowOf(block: RowBlock, row: number): [number, number][] {
  if (block.kind === 'dense') {
    const first = row * block.columns;
    return Array.from({ length: block.columns }, (_, column) => [column, block.values[first + column]!]);
  }
  const found: [number, number][] = [];
  for (let at = block.indptr[row]!; at < block.indptr[row + 1]!; at++)
    found.push([block.indices[at]!, block.values[at]!]);
  return found;
}

const next = uniform(11);
const upTo = (limit: number) => Math.floor(next() * limit);

/** Rows of all lengths; small counts, so that many values are equal, and some huge ones. */
function someRows(kind: RowBlock['kind'], rows: number, columns: number): RowBlock {
  const indptr = new Int32Array(rows + 1);
  const indices: number[] = [];
  const values: number[] = [];
  const dense = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const share = [0, 1, 0.001, 0.3, 0.6][row % 5]!;
    for (let column = 0; column < columns; column++) {
      if (next() >= share) continue;
      const count = next() < 0.01 ? 2 ** upTo(50) : upTo(6);
      indices.push(column);
      values.push(count);
      dense[row * columns + column] = count;
    }
    indptr[row + 1] = indices.length;
  }
  const place = { start: 0, rows, columns };
  if (kind === 'dense') return { kind, ...place, values: dense };
  return { kind, ...place, indptr, indices: Int32Array.from(indices), values: Float64Array.from(values) };
}

/** A few medians that many columns share, and some that differ in their last bit only. */
function someWorth(length: number): Float64Array {
  return Float64Array.from({ length }, () => {
    const worth = next() < 0.5 ? 1 + upTo(4) : 0.01 + next() * 5;
    return next() < 0.2 ? worth * (1 + Number.EPSILON) : worth;
  });
}

describe.each([
  { kind: 'sparse', float32Products: true, sums: 0, most: 10_000 },
  { kind: 'sparse', float32Products: false, sums: 7, most: 4094 },
  { kind: 'sparse', float32Products: true, sums: 3, most: 100 },
  { kind: 'dense', float32Products: false, sums: 0, most: 2048 },
  { kind: 'dense', float32Products: true, sums: 5, most: 2048 },
] as const)('rows that are $kind, float32 products $float32Products, $sums sums, $most codes', (form) => {
  const columns = 6000;
  const block = someRows(form.kind, 40, columns);
  const ranking: Ranking = {
    columns: {
      worth: someWorth(columns),
      codes: Int32Array.from({ length: columns }, () => {
        if (next() < 0.3) return -1;
        return form.sums > 0 && next() < 0.05 ? FIRST_SUM + upTo(form.sums) : upTo(FIRST_SUM);
      }),
    },
    sums: { worth: someWorth(form.sums), codes: Int32Array.from({ length: form.sums }, () => upTo(FIRST_SUM)) },
    targetSum: 10_000,
    sparse: form.kind === 'sparse',
    float32Products: form.float32Products,
    most: form.most,
  };

  it('are ranked as by its TypeScript double', () => {
    const kernel = new GeneRanking(ranking);
    const out = new Uint16Array(form.most + 3).fill(9);
    let longest = 0;
    for (let row = 0; row < block.rows; row++) {
      const factor = form.kind === 'sparse' ? Math.fround(1 / (1000 + row * 77)) : 1000 + row * 77;
      const expected = rank(block, row, factor, ranking);
      kernel.take(block, row);
      expect(kernel.rank(factor, out, 3)).toBe(expected.found);
      expect([...out.subarray(3, 3 + expected.codes.length)]).toEqual(expected.codes);
      longest = Math.max(longest, expected.found);
    }
    expect([...out.subarray(0, 3)]).toEqual([9, 9, 9]);
    expect(longest).toBeGreaterThan(2500);
  });

  it('are summed exactly', () => {
    const kernel = new GeneRanking(ranking);
    for (let row = 0; row < block.rows; row++) {
      kernel.take(block, row);
      expect(kernel.areCounts()).toBe(true);
      expect(kernel.sum()).toBe(rowOf(block, row).reduce((sum, [, count]) => sum + count, 0));
    }
  });
});

it.each([
  [0, true],
  [-0, true],
  [7, true],
  [2 ** 60, true],
  [0.5, false],
  [-1, false],
  [Number.NaN, false],
  [Number.POSITIVE_INFINITY, false],
  [Number.NEGATIVE_INFINITY, false],
])('%s is a count: %s, wherever it stands', (value, expected) => {
  const columns = { worth: new Float64Array(5).fill(1), codes: new Int32Array(5) };
  const none = { worth: new Float64Array(0), codes: new Int32Array(0) };
  const kernel = new GeneRanking({
    ...{ columns, sums: none, targetSum: 1, sparse: false, float32Products: false, most: 5 },
  });
  for (let at = 0; at < 5; at++) {
    const values = Float64Array.of(3, 0, 1, 2, 4).with(at, value);
    kernel.take({ kind: 'dense', start: 0, rows: 1, columns: 5, values }, 0);
    expect(kernel.areCounts()).toBe(expected);
  }
});
