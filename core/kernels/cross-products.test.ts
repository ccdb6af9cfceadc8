import { describe, expect, it } from 'vitest';
import { type ChosenRows, CrossProducts, triangleLength } from './cross-products.js';

/** The kernel's double: every pair of a row's columns, row after row. */
function crossProducts(
  columns: number,
  { rows, indptr, columns: stored, values }: ChosenRows,
  triangle: Float64Array,
): void {
  for (let row = 0; row < rows; row++) {
    for (let a = indptr[row]!; a < indptr[row + 1]!; a++) {
      for (let b = indptr[row]!; b < indptr[row + 1]!; b++) {
        const [first, second] = [stored[a]!, stored[b]!];
        if (first > second) continue;
        const start = first * columns - (first * (first - 1)) / 2 - first;
        triangle[start + second]! += values[a]! * values[b]!;
      }
    }
  }
}

/** Deterministic numbers in [0, 1). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function someRows(rows: number, columns: number, density: number, seed: number): ChosenRows {
  const next = random(seed);
  const indptr = new Int32Array(rows + 1);
  const stored: number[] = [];
  for (let row = 0; row < rows; row++) {
    const chosen = Array.from({ length: columns }, (_, column) => column).filter(() => next() < density);
    if (row % 2 === 1) chosen.reverse();
    stored.push(...chosen);
    indptr[row + 1] = stored.length;
  }
  return {
    rows,
    indptr,
    columns: Int32Array.from(stored),
    values: Float32Array.from(stored, () => Math.fround(next() * 7)),
  };
}

describe('cross products', () => {
  it('has the same bits as its TypeScript double, whatever the order of columns within rows', () => {
    const columns = 37;
    const kernel = new CrossProducts(columns);
    const expected = new Float64Array(triangleLength(columns));
    for (const rows of [someRows(256, columns, 0.4, 1), someRows(1, columns, 1, 2), someRows(100, columns, 0.02, 3)]) {
      kernel.add(rows);
      crossProducts(columns, rows, expected);
    }
    expect(Buffer.from(kernel.triangle.slice().buffer).equals(Buffer.from(expected.buffer))).toBe(true);
    expect(expected.every((value) => value > 0)).toBe(true);
  });

  it('gives x * x for a single stored value', () => {
    const kernel = new CrossProducts(3);
    kernel.add({ rows: 2, indptr: Int32Array.of(0, 0, 1), columns: Int32Array.of(1), values: Float32Array.of(1.5) });
    expect([...kernel.triangle]).toEqual([0, 0, 0, 2.25, 0, 0]);
  });

  it('takes the rows of a slice whose indptr does not begin at 0', () => {
    const kernel = new CrossProducts(2);
    kernel.add({
      rows: 1,
      indptr: Int32Array.of(2, 4),
      columns: Int32Array.of(0, 1, 1, 0),
      values: Float32Array.of(9, 9, 2, 3),
    });
    expect([...kernel.triangle]).toEqual([9, 6, 4]);
  });
});
