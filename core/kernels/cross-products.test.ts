import { describe, expect, it } from 'vitest';
import { CrossProducts, triangleLength } from './cross-products.js';
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

function someRows(rows: number, columns: number, density: number, seed: number): Row[] {
  const next = uniform(seed);
  return Array.from({ length: rows }, () => {
    const stored = Array.from({ length: columns }, (_, column) => column).filter(() => next() < density);
    return { columns: Int32Array.from(stored), values: Float32Array.from(stored, () => Math.fround(next() * 7)) };
  });
}

const bytes = (values: Float64Array): Buffer => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

describe('cross products', () => {
  // An odd and an even number of sums: two of them are moved at a time.
  it.each([37, 38])('has the same bits as its TypeScript double, for %i chosen columns', (chosen) => {
    const columns = 90;
    const ranks = new Int32Array(columns).fill(-1);
    for (let rank = 0; rank < chosen; rank++) ranks[rank * 2 + (rank > 20 ? 9 : 1)] = rank;
    const kernel = new CrossProducts(ranks, chosen);
    const expected = new Double(chosen);
    for (const block of [someRows(600, columns, 0.4, 1), someRows(1, columns, 1, 2), someRows(300, columns, 0.02, 3)]) {
      const sums = new Double(chosen);
      for (const row of block) {
        kernel.addRow(row.columns, row.values);
        sums.add(row, ranks);
      }
      kernel.endBlock();
      expected.addAll(sums);
    }
    expect(bytes(kernel.triangle).equals(bytes(expected.triangle))).toBe(true);
    expect(bytes(kernel.sums).equals(bytes(expected.sums))).toBe(true);
    expect(expected.triangle.every((value) => value > 0)).toBe(true);
  });

  it('gives x * x for a single stored value', () => {
    const kernel = new CrossProducts(Int32Array.of(-1, 0, 1, 2), 3);
    kernel.addRow(new Int32Array(0), new Float32Array(0));
    kernel.addRow(Int32Array.of(0, 2), Float32Array.of(9, 1.5));
    kernel.endBlock();
    expect([...kernel.triangle]).toEqual([0, 0, 0, 2.25, 0, 0]);
    expect([...kernel.sums]).toEqual([0, 1.5, 0]);
  });

  it('gives nothing where no column is chosen', () => {
    const kernel = new CrossProducts(Int32Array.of(-1), 0);
    kernel.addRow(Int32Array.of(0), Float32Array.of(1));
    kernel.endBlock();
    expect([kernel.triangle.length, kernel.sums.length]).toEqual([0, 0]);
  });
});
