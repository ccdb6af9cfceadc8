import { expect, it } from 'vitest';
import { RowStatisticsKernel, rowStatistics } from './row-statistics.js';
import { uniform } from './tridiagonal.js';

/** Rows of any number of values, from one on; some are longer than what the kernel takes at a time. */
function someRows(next: () => number, value: (at: number) => number) {
  const lengths = [0, 1, 2, 3, 4, 5, 7, 8, 9, 0, 100, 70_001, 33, ...Array.from({ length: 600 }, () => next() * 300)];
  const offsets = new Int32Array(lengths.length + 1);
  lengths.forEach((length, row) => {
    offsets[row + 1] = offsets[row]! + Math.floor(length);
  });
  const values = Float32Array.from({ length: offsets.at(-1)! }, (_, at) => value(at));
  return { values, offsets };
}

const bytes = (sums: Float64Array): Buffer => Buffer.from(sums.buffer, sums.byteOffset, sums.byteLength);

it('has the same bits as its TypeScript double', () => {
  const next = uniform(11);
  const kernel = new RowStatisticsKernel(70_001);
  const kinds = [
    () => Math.log1p(Math.ceil(next() * 20) / next()),
    () => Math.floor(next() * 50),
    () => (next() - 0.5) * 1e30,
    (at: number) => (at % 1000 === 999 ? -7.5 : next() * 2 ** 30),
  ];
  for (const kind of kinds) {
    const { values, offsets } = someRows(next, kind);
    const [sums, expected] = [new Float64Array(offsets.length - 1), new Float64Array(offsets.length - 1)];
    expect(kernel.add(values, offsets, sums)).toEqual(rowStatistics(values, offsets, expected));
    expect(bytes(sums).equals(bytes(expected))).toBe(true);
  }
});

it('finds extremes and fractions wherever they are', () => {
  const kernel = new RowStatisticsKernel(100);
  for (let at = 0; at < 23; at++) {
    const values = new Float32Array(23).fill(3);
    values[at] = -1.5;
    const sums = new Float64Array(2);
    expect(kernel.add(values, Int32Array.of(0, 10, 23), sums)).toEqual({ min: -1.5, max: 3, nonIntegers: 1 });
    values[at] = 9;
    expect(kernel.add(values, Int32Array.of(0, 10, 23), sums)).toEqual({ min: 3, max: 9, nonIntegers: 0 });
    expect(sums[0]! + sums[1]!).toBe(75);
  }
});

it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('shows %f in the sum of its row', (value) => {
  const kernel = new RowStatisticsKernel(100);
  for (let at = 0; at < 9; at++) {
    const values = new Float32Array(20).fill(1);
    values[at] = value;
    const sums = new Float64Array(2);
    kernel.add(values, Int32Array.of(0, 9, 20), sums);
    expect(Number.isFinite(sums[0])).toBe(false);
    expect(sums[1]).toBe(11);
  }
});

it('has no extremes where there are no values', () => {
  const none = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY, nonIntegers: 0 };
  expect(new RowStatisticsKernel(5).add(new Float32Array(0), Int32Array.of(0, 0), new Float64Array(1))).toEqual(none);
});
