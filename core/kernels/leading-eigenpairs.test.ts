import { describe, expect, it } from 'vitest';
import { KrylovSteps } from './krylov-steps.js';
import { leadingEigenpairs } from './leading-eigenpairs.js';
import { type Eigenpairs, largestEigenpairs, uniform } from './tridiagonal.js';

/** Symmetric matrix with the given eigenvalues: reflections of a diagonal matrix, so the truth is known. */
function withEigenvalues(values: Float64Array, seed: number): Float64Array {
  const n = values.length;
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) matrix[i * n + i] = values[i]!;
  const next = uniform(seed);
  for (let reflection = 0; reflection < 3; reflection++) {
    const u = Float64Array.from({ length: n }, () => next() - 0.5);
    const scale = 2 / u.reduce((sum, value) => sum + value * value, 0);
    reflectRows(matrix, n, u, scale);
    transpose(matrix, n);
    reflectRows(matrix, n, u, scale);
  }
  for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) matrix[j * n + i] = matrix[i * n + j]!;
  return matrix;
}

function reflectRows(matrix: Float64Array, n: number, u: Float64Array, scale: number): void {
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let j = 0; j < n; j++) sum += matrix[i * n + j]! * u[j]!;
    for (let j = 0; j < n; j++) matrix[i * n + j]! -= scale * sum * u[j]!;
  }
}

function transpose(matrix: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const held = matrix[i * n + j]!;
      matrix[i * n + j] = matrix[j * n + i]!;
      matrix[j * n + i] = held;
    }
  }
}

function largestResidual(matrix: Float64Array, n: number, { values, vectors }: Eigenpairs): number {
  let largest = 0;
  for (let pair = 0; pair < values.length; pair++) {
    const vector = vectors.subarray(pair * n, (pair + 1) * n);
    let squares = 0;
    for (let i = 0; i < n; i++) {
      let sum = 0;
      for (let j = 0; j < n; j++) sum += matrix[i * n + j]! * vector[j]!;
      squares += (sum - values[pair]! * vector[i]!) ** 2;
    }
    largest = Math.max(largest, Math.sqrt(squares));
  }
  return largest;
}

function largestOverlap(n: number, { values, vectors }: Eigenpairs): number {
  let largest = 0;
  for (let a = 0; a < values.length; a++) {
    for (let b = 0; b <= a; b++) {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += vectors[a * n + i]! * vectors[b * n + i]!;
      largest = Math.max(largest, Math.abs(sum - (a === b ? 1 : 0)));
    }
  }
  return largest;
}

/** A few strong directions above a bulk whose edge has no gap, as covariances of expression have. */
const bulky = (n: number) =>
  Float64Array.from({ length: n }, (_, i) => (i < 12 ? 40 / (i + 1) : 1 - (0.9 * (i - 12)) / n));
const lowRank = (n: number, rank: number) => Float64Array.from({ length: n }, (_, i) => (i < rank ? 3 + rank - i : 0));

describe('leading eigenpairs', () => {
  const cases: [string, Float64Array, number][] = [
    ['a bulk without a gap (odd size)', bulky(901), 40],
    ['rank below the number asked for', lowRank(500, 10), 25],
    ['a rank that the basis exhausts', lowRank(600, 60), 30],
    [
      'eigenvalues that repeat',
      Float64Array.from({ length: 700 }, (_, i) => (i < 24 ? 10 - Math.floor(i / 3) : 0.5)),
      24,
    ],
    ['a small matrix', bulky(90), 50],
    ['all of a matrix', bulky(50), 50],
    ['one value', Float64Array.of(2), 1],
    ['nothing but zeros', new Float64Array(600), 5],
  ];

  it.each(cases)('finds %s to 1e-12', (_, values, count) => {
    const n = values.length;
    const matrix = withEigenvalues(values, 7);
    const found = leadingEigenpairs(matrix, n, count);
    const largest = Math.max(values[0]!, Number.MIN_VALUE);
    const difference = Math.max(...found.values.map((value, pair) => Math.abs(value - values[pair]!)));
    expect(difference).toBeLessThanOrEqual(1e-12 * largest);
    expect(largestResidual(matrix, n, found)).toBeLessThanOrEqual(2e-12 * largest);
    expect(largestOverlap(n, found)).toBeLessThan(1e-12);
  });

  it('gives the same bits each time', () => {
    const matrix = withEigenvalues(bulky(501), 3);
    const [first, second] = [leadingEigenpairs(matrix, 501, 20), leadingEigenpairs(matrix, 501, 20)];
    expect(first).toEqual(second);
  });

  it('agrees with the full reduction', () => {
    const matrix = withEigenvalues(bulky(500), 5);
    const [krylov, full] = [leadingEigenpairs(matrix, 500, 20), largestEigenpairs(matrix, 500, 20)];
    krylov.values.forEach((value, pair) => {
      expect(Math.abs(value - full.values[pair]!)).toBeLessThan(1e-12);
    });
  });
});

describe('Krylov steps', () => {
  it('have the same bits as their TypeScript doubles', () => {
    const n = 9;
    const next = uniform(11);
    const matrix = Float64Array.from({ length: n * n }, next);
    const steps = new KrylovSteps(matrix, n, 2);
    const start = Float64Array.from({ length: n * 4 }, () => next() - 0.5);
    const basis = Float64Array.from({ length: n * 4 }, () => next() - 0.5);
    steps.block.set(basis);
    steps.keep(1);
    steps.block.set(start);
    steps.multiply();
    const product = multiply(matrix, n, start);
    expect([...steps.block.subarray(0, n * 4)]).toEqual([...product]);
    steps.removeFromBlock(1);
    const coefficients = project(basis, product, n);
    expect([...steps.coefficients]).toEqual([...coefficients]);
    expect([...steps.block.subarray(0, n * 4)]).toEqual([...subtract(basis, coefficients, product, n)]);
  });
});

function multiply(matrix: Float64Array, n: number, vectors: Float64Array): Float64Array {
  const product = new Float64Array(n * 4);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++)
      for (let v = 0; v < 4; v++) product[i * 4 + v]! += matrix[i * n + j]! * vectors[j * 4 + v]!;
  }
  return product;
}

function project(basis: Float64Array, vectors: Float64Array, n: number): Float64Array {
  const coefficients = new Float64Array(16);
  for (let i = 0; i < n; i++) {
    for (let b = 0; b < 4; b++)
      for (let v = 0; v < 4; v++) coefficients[b * 4 + v]! += basis[i * 4 + b]! * vectors[i * 4 + v]!;
  }
  return coefficients;
}

function subtract(basis: Float64Array, coefficients: Float64Array, vectors: Float64Array, n: number): Float64Array {
  const result = vectors.slice();
  for (let i = 0; i < n; i++) {
    for (let v = 0; v < 4; v++) {
      let sum = basis[i * 4]! * coefficients[v]!;
      for (let b = 1; b < 4; b++) sum += basis[i * 4 + b]! * coefficients[b * 4 + v]!;
      result[i * 4 + v]! -= sum;
    }
  }
  return result;
}
