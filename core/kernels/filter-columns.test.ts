import { expect, it } from 'vitest';
import type { Float32Block } from '../anndata/types.js';
import { FilterColumns } from './filter-columns.js';
import { uniform } from './tridiagonal.js';

type Entry = readonly [column: number, value: number];

const blockOf = (rows: readonly (readonly Entry[])[], columns: number): Float32Block => {
  const indptr = new Int32Array(rows.length + 1);
  for (const [row, entries] of rows.entries()) indptr[row + 1] = indptr[row]! + entries.length;
  const entries = rows.flat();
  return {
    ...{ kind: 'sparse', start: 8, rows: rows.length, columns, indptr },
    indices: Int32Array.from(entries, ([column]) => column),
    values: Float32Array.from(entries, ([, value]) => value),
  };
};

it.each([
  ['few', 0.1],
  ['most', 0.9],
  ['all', 1],
  ['no', 0],
])('keeps %s columns', (_, share) => {
  const next = uniform(3);
  const columns = 700;
  const positions = Int32Array.from({ length: columns }, () => (next() < share ? 5 : -1));
  const filter = new FilterColumns(positions);
  // More than the kernel takes at once, rows without values, and a smaller block behind a larger one.
  for (const rowCount of [90, 1, 2100]) {
    const rows = Array.from({ length: rowCount }, (_, row) => {
      const density = row % 7 === 0 ? 1 : row % 5 === 0 ? 0 : 0.1;
      const entries = Array.from({ length: columns }, (_, column): Entry => [column, Math.fround(next() * 9)]);
      return entries.filter(() => next() < density);
    });
    const expected = rows.map((row) => row.filter(([column]) => positions[column]! >= 0));
    expect(filter.apply(blockOf(rows, columns))).toEqual(blockOf(expected, columns));
  }
});
