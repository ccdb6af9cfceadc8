import { expect, it } from 'vitest';
import { expm1 } from './exp.js';
import { type ExpressionRows, GeneSumsKernel } from './gene-sums.js';
import { uniform } from './tridiagonal.js';

/** The kernel's double. */
function addRow(sums: Float64Array, genes: Int32Array, values: Float32Array): void {
  for (const [at, gene] of genes.entries()) {
    const value = Math.fround(expm1(values[at]!));
    sums[gene * 2]! += value;
    sums[gene * 2 + 1]! += Math.fround(value * value);
  }
}

const bytes = (sums: Float64Array): Buffer => Buffer.from(sums.buffer, sums.byteOffset, sums.byteLength);

/** Log-normalised values of all sizes, negative ones and both zeros among them; a row repeats some of them. */
function someValues(count: number, next: () => number): Float32Array {
  const special = [0, -0, -1e-3, -40, 1e-30, 1e-9, 0.3, 0.35, 1, 1.04, 14, 39, 57, 88, 99.9];
  return Float32Array.from({ length: count }, (_, at) => {
    if (at % 7 === 0) return special[Math.floor(next() * special.length)]!;
    return at % 3 === 0 ? Math.log1p(Math.ceil(next() * 9) / 0.7) : next() * 10;
  });
}

interface Row {
  readonly genes: Int32Array;
  readonly values: Float32Array;
}

function rowsTogether(rows: readonly Row[]): ExpressionRows {
  const indptr = new Int32Array(rows.length + 1);
  rows.forEach(({ genes }, row) => {
    indptr[row + 1] = indptr[row]! + genes.length;
  });
  const indices = Int32Array.from(rows.flatMap(({ genes }) => [...genes]));
  return { indptr, indices, values: Float32Array.from(rows.flatMap(({ values }) => [...values])) };
}

it('has the same bits as its TypeScript double, for every set of rows and however they come', () => {
  const next = uniform(3);
  const genes = 500;
  const kernel = new GeneSumsKernel(genes, 3);
  const expected = [0, 1, 2].map(() => new Float64Array(genes * 2));
  for (const count of [1, 300, 99]) {
    const rows = Array.from({ length: count }, (_, row) => {
      const share = row % 50 === 0 ? 1 : row % 7 === 0 ? 0 : 0.4;
      const columns = Int32Array.from({ length: genes }, (_, gene) => gene).filter(() => next() < share);
      return { genes: columns, values: someValues(columns.length, next) };
    });
    const setOf = (row: number) => (row % 4) - 1;
    kernel.addRows(rowsTogether(rows), setOf);
    rows.forEach((row, at) => {
      if (setOf(at) >= 0) addRow(expected[setOf(at)]!, row.genes, row.values);
    });
  }
  for (const [set, sums] of expected.entries()) {
    expect(bytes(kernel.sums[set]!).equals(bytes(sums))).toBe(true);
    expect(sums.some((sum) => sum > 1e40)).toBe(true);
  }
});

it('begins anew in sums that were cleared', () => {
  const kernel = new GeneSumsKernel(2, 1);
  const add = (row: Row) => kernel.addRows(rowsTogether([row]), () => 0);
  add({ genes: Int32Array.of(0, 1), values: Float32Array.of(1, 2) });
  kernel.sums[0]!.fill(0);
  add({ genes: Int32Array.of(1), values: Float32Array.of(0) });
  add({ genes: new Int32Array(0), values: new Float32Array(0) });
  expect([...kernel.sums[0]!]).toEqual([0, 0, 0, 0]);
});
