import { describe, expect, it } from 'vitest';
import { addRow, countRows, firstDifference, type RowRanges } from './row-ranges.js';

const rangesOf = (...rows: number[]): RowRanges => {
  const ranges: RowRanges = [];
  for (const row of rows) addRow(ranges, row);
  return ranges;
};

describe('row ranges', () => {
  it('join neighbours', () => {
    expect(rangesOf(0, 1, 4, 6, 7)).toEqual([
      [0, 2],
      [4, 5],
      [6, 8],
    ]);
    expect(countRows(rangesOf(0, 1, 4, 6, 7))).toBe(5);
  });

  it.each<[number[], number[], number | null]>([
    [[], [], null],
    [[1, 2, 5], [1, 2, 5], null],
    [[3], [], 3],
    [[1, 2], [1, 2, 3], 3],
    [[1, 2], [2], 1],
    [[1, 4], [1, 5], 4],
    [[1, 4], [1], 4],
  ])('%j and %j differ first in %j', (a, b, expected) => {
    expect(firstDifference(rangesOf(...a), rangesOf(...b))).toBe(expected);
    expect(firstDifference(rangesOf(...b), rangesOf(...a))).toBe(expected);
  });
});
