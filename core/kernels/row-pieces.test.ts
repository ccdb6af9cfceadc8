import { expect, it } from 'vitest';
import { rowPieces } from './row-pieces.js';

const pieces = (offsets: number[], values: number, rows: number) =>
  [...rowPieces(Int32Array.from(offsets), values, rows)].map(({ first, end }) => [first, end]);

it('takes as many rows as fit, in order, and one at least', () => {
  expect(pieces([0, 3, 5, 6, 16, 17, 17], 6, 10)).toEqual([
    [0, 3],
    [3, 4],
    [4, 6],
  ]);
});

it('takes no more rows than asked for', () => {
  expect(pieces([0, 0, 0, 0, 1, 1], 6, 2)).toEqual([
    [0, 2],
    [2, 4],
    [4, 5],
  ]);
});

it('has nothing to divide where there are no rows', () => {
  expect(pieces([0], 6, 2)).toEqual([]);
});
