import { expect, it } from 'vitest';
import { RowPace } from './row-pace.js';

/** Rows of successive calls of an embedder that takes `msPerRow`. */
function calls(msPerRow: number, count: number): number[] {
  const pace = new RowPace();
  return Array.from({ length: count }, () => {
    const rows = pace.next(1_000_000);
    pace.took(rows, rows * msPerRow);
    return rows;
  });
}

it('gives a slow model the cells of a few seconds', () => {
  expect(calls(1_400, 5)).toEqual([1, 2, 2, 2, 2]);
  expect(calls(60_000, 3)).toEqual([1, 1, 1]);
  expect(calls(10, 11).at(-1)).toBe(256);
});

it('doubles as long as calls are quick, and never asks for more than there is', () => {
  expect(calls(0.001, 12)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]);
  expect(new RowPace().next(0)).toBe(0);
});

it('slows down again', () => {
  const pace = new RowPace();
  for (let call = 0; call < 8; call++) pace.took(pace.next(1_000), 1);
  expect(pace.next(1_000)).toBe(256);
  pace.took(256, 80_000);
  expect(pace.next(1_000)).toBe(16);
});
