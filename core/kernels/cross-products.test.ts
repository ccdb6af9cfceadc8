import { describe, expect, it } from 'vitest';
import { type ChosenRows, CrossProducts, triangleLength } from './cross-products.js';
import { uniform } from './tridiagonal.js';

interface Row {
  readonly columns: Int32Array;
  readonly values: Float32Array;
}

/** The kernel's double for one block: every pair of a row's chosen columns, row after row. */
class Double {
  readonly sums: Float64Array;
  readonly triangle: Float64Array;
  readonly #columns: number;

  constructor(columns: number) {
    this.#columns = columns;
    this.sums = new Float64Array(columns);
    this.triangle = new Float64Array(triangleLength(columns));
  }

  add({ columns, values }: Row, ranks: Int32Array): void {
    for (const [a, column] of columns.entries()) {
      const first = ranks[column]!;
      if (first < 0) continue;
      this.sums[first]! += values[a]!;
      for (let b = a; b < columns.length; b++) {
        const second = ranks[columns[b]!]!;
        if (second < 0) continue;
        const start = first * this.#columns - (first * (first - 1)) / 2 - first;
        this.triangle[start + second]! += values[a]! * values[b]!;
      }
    }
  }

  addAll({ sums, triangle }: Double): void {
    for (const [at, sum] of sums.entries()) this.sums[at]! += sum;
    for (const [at, sum] of triangle.entries()) this.triangle[at]! += sum;
  }
}

const bytes = (values: Float64Array): Buffer => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

const chosenRows = (rows: readonly Row[]): ChosenRows => ({
  rows: rows.length,
  indptr: Int32Array.from([0, ...rows.keys()], (_, end) =>
    rows.slice(0, end).reduce((sum, { columns }) => sum + columns.length, 0),
  ),
  indices: Int32Array.from(rows.flatMap(({ columns }) => [...columns])),
  values: Float32Array.from(rows.flatMap(({ values }) => [...values])),
});

describe('cross products', () => {
  const counts = [37, 38];
  // Shares of the rows that columns have: few dense columns, a panel of them and some, nothing else.
  const densities: [string, (column: number) => number][] = [
    ['sparse', () => 0.1],
    ['sparse and dense', (column) => (column % 2 === 0 ? 0.9 : 0.05)],
    ['dense', () => 0.8],
  ];
  const cases = counts.flatMap((count) => densities.map(([name, density]) => ({ count, name, density })));

  it.each(cases)('has the same bits as its TypeScript double: $count $name columns', ({ count, density }) => {
    const chosen = Int32Array.from({ length: count }, (_, rank) => rank * 2 + (rank > 20 ? 9 : 1));
    const ranks = new Int32Array(chosen.at(-1)! + 1).fill(-1);
    for (const [rank, column] of chosen.entries()) ranks[column] = rank;
    const next = uniform(9);
    const someRows = (rows: number): Row[] =>
      Array.from({ length: rows }, () => {
        const stored = chosen.filter((column) => next() < density(ranks[column]!));
        return { columns: stored, values: Float32Array.from(stored, () => Math.fround(next() * 7)) };
      });
    const blocks = [someRows(600), someRows(1), someRows(300)];
    const kernel = new CrossProducts(chosen, chosenRows(blocks[0]!));
    const expected = new Double(count);
    for (const block of blocks) {
      const sums = new Double(count);
      kernel.add(chosenRows(block.slice(0, 400)));
      kernel.add(chosenRows(block.slice(400)));
      for (const row of block) sums.add(row, ranks);
      kernel.endBlock();
      expected.addAll(sums);
    }
    expect(bytes(kernel.triangle(chosen)).equals(bytes(expected.triangle))).toBe(true);
    expect(bytes(kernel.sums(chosen)).equals(bytes(expected.sums))).toBe(true);
    expect(expected.triangle.filter((value) => value > 0).length).toBeGreaterThan(count);
  });

  it('gives products in the order asked for, with zeros for columns that are absent', () => {
    const rows = chosenRows([
      { columns: new Int32Array(0), values: new Float32Array(0) },
      { columns: Int32Array.of(1, 3), values: Float32Array.of(2, 1.5) },
    ]);
    const kernel = new CrossProducts(Int32Array.of(1, 2, 3), rows);
    kernel.add(rows);
    kernel.endBlock();
    expect([...kernel.triangle(Int32Array.of(3, -1, 1))]).toEqual([2.25, 0, 3, 0, 0, 4]);
    expect([...kernel.sums(Int32Array.of(3, -1, 1))]).toEqual([1.5, 0, 2]);
  });

  it('gives nothing where no column is chosen', () => {
    const rows = chosenRows([{ columns: new Int32Array(0), values: new Float32Array(0) }]);
    const kernel = new CrossProducts(new Int32Array(0), rows);
    kernel.add(rows);
    kernel.endBlock();
    expect([kernel.triangle(new Int32Array(0)).length, kernel.sums(new Int32Array(0)).length]).toEqual([0, 0]);
  });
});
