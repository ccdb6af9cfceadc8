import { expect, it } from 'vitest';
import { countFalls } from './falls.js';
import { uniform } from './tridiagonal.js';

/** The kernel's double. */
function fallsOf(values: Int32Array): number {
  let falls = 0;
  for (let at = 1; at < values.length; at++) if (values[at]! <= values[at - 1]!) falls++;
  return falls;
}

it('counts as its TypeScript double, also across the pieces that it works in', () => {
  const next = uniform(5);
  for (const length of [0, 1, 2, 5, 8191, 8192, 8193, 8195, 16_383, 16_384, 50_001]) {
    const rising = Int32Array.from({ length }, (_, at) => at * 3);
    expect(countFalls(rising)).toBe(0);
    const values = rising.map((value) => (next() < 0.1 ? Math.floor(next() * 2 ** 32) | 0 : value));
    expect(countFalls(values)).toBe(fallsOf(values));
  }
});

it('sees one equal neighbour wherever it is', () => {
  for (const at of [1, 2, 3, 4, 5, 8190, 8191, 8192, 8193, 9999]) {
    const values = Int32Array.from({ length: 10_000 }, (_, place) => place * 2);
    values[at] = values[at - 1]!;
    expect(countFalls(values)).toBe(1);
  }
});

it('compares with signs, to the ends of the range', () => {
  expect(countFalls(Int32Array.of(-(2 ** 31), -1, 0, 2 ** 31 - 1, -(2 ** 31), 5))).toBe(1);
});
