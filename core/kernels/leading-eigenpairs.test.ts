import { describe, expect, it } from 'vitest';
import { BLOCK_VECTORS, GROUP_BLOCKS, KrylovSteps } from './krylov-steps.js';
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

/** The upper triangle, packed by rows. */
function triangleOf(matrix: Float64Array, n: number): Float64Array {
  const rows = Array.from({ length: n }, (_, row) => [...matrix.subarray(row * n + row, row * n + n)]);
  return Float64Array.from(rows.flat());
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
    const found = leadingEigenpairs(triangleOf(matrix, n), n, count);
    const largest = Math.max(values[0]!, Number.MIN_VALUE);
    const difference = Math.max(...found.values.map((value, pair) => Math.abs(value - values[pair]!)));
    expect(difference).toBeLessThanOrEqual(1e-12 * largest);
    expect(largestResidual(matrix, n, found)).toBeLessThanOrEqual(2e-12 * largest);
    expect(largestOverlap(n, found)).toBeLessThan(1e-12);
  });

  it('gives the same bits each time', () => {
    const triangle = triangleOf(withEigenvalues(bulky(501), 3), 501);
    const [first, second] = [leadingEigenpairs(triangle, 501, 20), leadingEigenpairs(triangle, 501, 20)];
    expect(first).toEqual(second);
  });

  it('agrees with the full reduction', () => {
    const matrix = withEigenvalues(bulky(500), 5);
    const [krylov, full] = [leadingEigenpairs(triangleOf(matrix, 500), 500, 20), largestEigenpairs(matrix, 500, 20)];
    krylov.values.forEach((value, pair) => {
      expect(Math.abs(value - full.values[pair]!)).toBeLessThan(1e-12);
    });
  });
});

describe('Krylov steps', () => {
  // Rows are padded to a multiple of 4.
  it.each([9, 12])('have the same bits as their TypeScript doubles, for %i rows', (n) => {
    const next = uniform(11);
    const block = () => Float64Array.from({ length: n * BLOCK_VECTORS }, () => next() - 0.5);
    const triangle = Float64Array.from({ length: (n * (n + 1)) / 2 }, next);
    const basis = Array.from({ length: GROUP_BLOCKS }, block);
    const start = block();
    const steps = new KrylovSteps(triangle, n, GROUP_BLOCKS + 1);
    const found = (): number[] => [...steps.block.subarray(0, start.length)];
    for (const [position, kept] of basis.entries()) {
      steps.block.set(kept);
      steps.keep(position);
    }
    steps.block.set(start);
    steps.multiply();
    const product = multiply(triangle, n, start);
    expect(found()).toEqual([...product]);
    steps.project(0);
    const coefficients = project(basis, product);
    expect([...steps.coefficients]).toEqual([...coefficients]);
    steps.subtract(0);
    expect(found()).toEqual([...subtract(basis, coefficients, product)]);
  });
});

/** Row by row in groups of four: a row's products with what lies right of the group, and the group's with what lies below. */
function multiply(triangle: Float64Array, n: number, vectors: Float64Array): Float64Array {
  const rows = Math.ceil(n / 4) * 4;
  const entry = (i: number, j: number): number =>
    j < i ? entry(j, i) : j < n ? triangle[i * n - (i * (i - 1)) / 2 + j - i]! : 0;
  const value = (i: number, v: number): number => (i < n ? vectors[i * BLOCK_VECTORS + v]! : 0);
  const result = new Float64Array(rows * BLOCK_VECTORS);
  for (let v = 0; v < BLOCK_VECTORS; v++) {
    const sums = new Float64Array(rows);
    for (let group = 0; group < rows; group += 4) {
      const fourProducts = (i: number): number =>
        entry(group, i) * value(group, v) +
        entry(group + 1, i) * value(group + 1, v) +
        (entry(group + 2, i) * value(group + 2, v) + entry(group + 3, i) * value(group + 3, v));
      const own = [0, 1, 2, 3].map((row) => fourProducts(group + row));
      for (let j = group + 4; j < rows; j++) {
        for (let row = 0; row < 4; row++) own[row]! += entry(group + row, j) * value(j, v);
        sums[j]! += fourProducts(j);
      }
      for (let row = 0; row < 4; row++) sums[group + row]! += own[row]!;
    }
    for (let i = 0; i < rows; i++) result[i * BLOCK_VECTORS + v] = sums[i]!;
  }
  return result.subarray(0, n * BLOCK_VECTORS);
}

/** Coefficients: row = vector of the basis, column = vector of the block. */
function project(basis: readonly Float64Array[], vectors: Float64Array): Float64Array {
  const coefficients = new Float64Array(basis.length * BLOCK_VECTORS ** 2);
  for (let at = 0; at < coefficients.length; at++) {
    const [row, v] = [Math.floor(at / BLOCK_VECTORS), at % BLOCK_VECTORS];
    const block = basis[Math.floor(row / BLOCK_VECTORS)]!;
    for (let i = 0; i < vectors.length; i += BLOCK_VECTORS)
      coefficients[at]! += block[i + (row % BLOCK_VECTORS)]! * vectors[i + v]!;
  }
  return coefficients;
}

function subtract(basis: readonly Float64Array[], coefficients: Float64Array, vectors: Float64Array): Float64Array {
  return vectors.map((value, at) => {
    const [i, v] = [Math.floor(at / BLOCK_VECTORS), at % BLOCK_VECTORS];
    const product = (row: number): number =>
      basis[Math.floor(row / BLOCK_VECTORS)]![i * BLOCK_VECTORS + (row % BLOCK_VECTORS)]! *
      coefficients[row * BLOCK_VECTORS + v]!;
    const fourProducts = (row: number): number =>
      product(row) + product(row + 1) + (product(row + 2) + product(row + 3));
    return value - (fourProducts(0) + fourProducts(4));
  });
}
