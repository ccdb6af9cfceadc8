import { expect, test } from 'vitest';
import { Ranker } from './ranker.js';

function ranked(values: readonly number[], ranker = new Ranker(values.length)): number[] {
  ranker.values.set(values);
  return [...ranker.descending(values.length).subarray(0, values.length)];
}

/** Array.prototype.sort is stable. */
const reference = (values: readonly number[]): number[] =>
  values.map((_value, at) => at).sort((a, b) => values[b]! - values[a]!);

test('largest first; equal values, and zeros at the end, keep their order', () => {
  expect(ranked([1, 0, 3, 3, 0, 2, 3])).toEqual([2, 3, 6, 5, 0, 1, 4]);
});

test('values that differ only in their lowest bits are told apart', () => {
  const values = Array.from({ length: 50 }, (_value, at) => 1 + ((at * 7) % 5) * Number.EPSILON);
  expect(ranked(values)).toEqual(reference(values));
});

test('the same order as a stable comparison sort over many magnitudes, reused for fewer values', () => {
  const ranker = new Ranker(5000);
  let state = 1;
  const random = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  for (const length of [5000, 1, 0, 777]) {
    const values = Array.from({ length }, () => Math.floor(random() * 40) * 10 ** Math.floor(random() * 30 - 15));
    expect(ranked(values, ranker)).toEqual(reference(values));
  }
});
