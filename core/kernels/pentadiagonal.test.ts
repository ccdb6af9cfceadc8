import { describe, expect, it } from 'vitest';
import { largestOfPentadiagonal, type Pentadiagonal } from './pentadiagonal.js';
import { largestEigenpairs, uniform } from './tridiagonal.js';

function randomBand(n: number, seed: number, change: (matrix: Pentadiagonal) => void = () => {}): Pentadiagonal {
  const next = uniform(seed);
  const values = () => Float64Array.from({ length: n }, () => next() * 4 - 2);
  const matrix = { diagonal: values(), off1: values(), off2: values() };
  change(matrix);
  return matrix;
}

function squareOf({ diagonal, off1, off2 }: Pentadiagonal): Float64Array {
  const n = diagonal.length;
  const square = new Float64Array(n * n);
  for (const [distance, values] of [diagonal, off1, off2].entries()) {
    for (let i = 0; i + distance < n; i++) square[i * n + i + distance] = square[(i + distance) * n + i] = values[i]!;
  }
  return square;
}

const CASES: [string, Pentadiagonal, number][] = [
  ['of one row', randomBand(1, 1), 1],
  ['of two rows', randomBand(2, 2), 2],
  ['of three rows', randomBand(3, 3), 3],
  ['of 60 rows, all pairs', randomBand(60, 4), 60],
  ['of 301 rows', randomBand(301, 5), 40],
  ['that is tridiagonal already', randomBand(50, 6, ({ off2 }) => off2.fill(0)), 20],
  ['that falls apart', randomBand(40, 7, (m) => [m.off1, m.off2].map((off) => off.fill(0, 18, 20))), 40],
  ['of nothing but its diagonal', randomBand(30, 8, (m) => [m.off1, m.off2].map((off) => off.fill(0))), 30],
  ['of zeros', randomBand(20, 9, (m) => [m.diagonal, m.off1, m.off2].map((values) => values.fill(0))), 5],
  [
    'of the same two values everywhere',
    randomBand(80, 10, (m) => [m.diagonal.fill(2), m.off1.fill(0), m.off2.fill(1)]),
    30,
  ],
];

describe('the largest eigenpairs of a pentadiagonal matrix', () => {
  it.each(CASES)('%s are those of the full reduction', (_, matrix, count) => {
    const n = matrix.diagonal.length;
    const square = squareOf(matrix);
    const found = largestOfPentadiagonal(matrix, count);
    const full = largestEigenpairs(square, n, count);
    for (let pair = 0; pair < count; pair++) {
      expect(Math.abs(found.values[pair]! - full.values[pair]!)).toBeLessThan(1e-12);
      const vector = found.vectors.subarray(pair * n, (pair + 1) * n);
      const residuals = Array.from(vector, (value, i) => {
        const product = vector.reduce((sum, other, j) => sum + square[i * n + j]! * other, 0);
        return product - found.values[pair]! * value;
      });
      expect(Math.hypot(...residuals)).toBeLessThan(1e-12);
      expect(Math.hypot(...vector)).toBeCloseTo(1, 12);
    }
  });
});
