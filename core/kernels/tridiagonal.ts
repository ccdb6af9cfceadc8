/** Eigenpairs in descending order of eigenvalue. */
export interface Eigenpairs {
  readonly values: Float64Array;
  /** One eigenvector per row, of length 1. */
  readonly vectors: Float64Array;
}

const EPSILON = 2 ** -52;

/**
 * The `count` largest eigenvalues of a symmetric n x n matrix (row-major) with their vectors: Householder reduction to
 * tridiagonal form, implicit QL for the values, inverse iteration for the vectors. Costs 4/3 n^3 operations.
 */
export function largestEigenpairs(matrix: Float64Array, n: number, count: number): Eigenpairs {
  const reduction = reduce(Float64Array.from(matrix), n);
  const all = eigenvalues(reduction.diagonal, reduction.offDiagonal);
  const values = all.slice(n - count).reverse();
  const vectors = inverseIteration(reduction, all, values);
  for (let pair = 0; pair < count; pair++) reflectBack(reduction, vectors.subarray(pair * n, (pair + 1) * n));
  return { values, vectors };
}

/** matrix = Q T Q', T tridiagonal; the reflections that make up Q lie in the rows of `reflectors`. */
interface Reduction {
  readonly n: number;
  readonly diagonal: Float64Array;
  /** Value i stands between rows i and i + 1; the last is 0. */
  readonly offDiagonal: Float64Array;
  readonly reflectors: Float64Array;
  /** Half the squared length of each reflector; 0 where a row needed none. */
  readonly scales: Float64Array;
}

function reduce(a: Float64Array, n: number): Reduction {
  const diagonal = new Float64Array(n);
  const offDiagonal = new Float64Array(n);
  const scales = new Float64Array(n);
  const u = new Float64Array(n);
  const p = new Float64Array(n);
  for (let i = n - 1; i > 0; i--) {
    const row = i * n;
    let beyond = 0;
    for (let j = 0; j < i; j++) u[j] = a[row + j]!;
    for (let j = 0; j < i - 1; j++) beyond += u[j]! * u[j]!;
    diagonal[i] = a[row + i]!;
    const last = u[i - 1]!;
    if (beyond === 0) {
      offDiagonal[i - 1] = last;
      continue;
    }
    const length = Math.sqrt(beyond + last * last);
    const target = last > 0 ? -length : length;
    const scale = beyond + last * last - last * target;
    offDiagonal[i - 1] = target;
    scales[i] = scale;
    u[i - 1] = last - target;
    multiplyLower(a, n, i, u, p);
    rankTwoUpdate(a, n, i, u, p, scale);
    for (let j = 0; j < i; j++) a[row + j] = u[j]!;
  }
  diagonal[0] = a[0]!;
  return { n, diagonal, offDiagonal, reflectors: a, scales };
}

/** p = A u for the leading i x i block, of which the lower triangle is stored. */
function multiplyLower(a: Float64Array, n: number, i: number, u: Float64Array, p: Float64Array): void {
  p.fill(0, 0, i);
  for (let j = 0; j < i; j++) {
    const row = j * n;
    const factor = u[j]!;
    let sum = a[row + j]! * factor;
    for (let k = 0; k < j; k++) {
      const value = a[row + k]!;
      sum += value * u[k]!;
      p[k]! += value * factor;
    }
    p[j]! += sum;
  }
}

/** A = H A H for the reflection H = 1 - u u' / scale, given p = A u. */
function rankTwoUpdate(a: Float64Array, n: number, i: number, u: Float64Array, p: Float64Array, scale: number): void {
  let overlap = 0;
  for (let j = 0; j < i; j++) {
    p[j]! /= scale;
    overlap += u[j]! * p[j]!;
  }
  const half = overlap / (2 * scale);
  for (let j = 0; j < i; j++) p[j]! -= half * u[j]!;
  for (let j = 0; j < i; j++) {
    const row = j * n;
    const [uj, pj] = [u[j]!, p[j]!];
    for (let k = 0; k <= j; k++) a[row + k]! -= uj * p[k]! + pj * u[k]!;
  }
}

function reflectBack({ n, reflectors, scales }: Reduction, vector: Float64Array): void {
  for (let i = 1; i < n; i++) {
    const scale = scales[i]!;
    if (scale === 0) continue;
    const row = i * n;
    let sum = 0;
    for (let j = 0; j < i; j++) sum += reflectors[row + j]! * vector[j]!;
    sum /= scale;
    for (let j = 0; j < i; j++) vector[j]! -= sum * reflectors[row + j]!;
  }
}

/** All eigenvalues of a symmetric tridiagonal matrix, ascending: QL with implicit shifts. */
export function eigenvalues(diagonal: Float64Array, offDiagonal: Float64Array): Float64Array {
  const n = diagonal.length;
  const d = diagonal.slice();
  const e = offDiagonal.slice();
  for (let l = 0; l < n; l++) {
    for (let m = firstSplit(d, e, l); m !== l; m = firstSplit(d, e, l)) qlSweep(d, e, l, m);
  }
  return d.sort();
}

function firstSplit(d: Float64Array, e: Float64Array, l: number): number {
  let m = l;
  while (m < d.length - 1 && Math.abs(e[m]!) > EPSILON * (Math.abs(d[m]!) + Math.abs(d[m + 1]!))) m++;
  return m;
}

function qlSweep(d: Float64Array, e: Float64Array, l: number, m: number): void {
  const shift = (d[l + 1]! - d[l]!) / (2 * e[l]!);
  const root = Math.sqrt(shift * shift + 1);
  let g = d[m]! - d[l]! + e[l]! / (shift + (shift >= 0 ? root : -root));
  let [sine, cosine, carried] = [1, 1, 0];
  for (let i = m - 1; i >= l; i--) {
    const f = sine * e[i]!;
    const b = cosine * e[i]!;
    const length = Math.sqrt(f * f + g * g);
    e[i + 1] = length;
    if (length === 0) {
      d[i + 1]! -= carried;
      e[m] = 0;
      return;
    }
    sine = f / length;
    cosine = g / length;
    g = d[i + 1]! - carried;
    const rotated = (d[i]! - g) * sine + 2 * cosine * b;
    carried = sine * rotated;
    d[i + 1] = g + carried;
    g = cosine * rotated - b;
  }
  d[l]! -= carried;
  e[l] = g;
  e[m] = 0;
}

const ITERATIONS = 3;

/** Eigenvectors of a tridiagonal matrix to some of `all` its eigenvalues, one per row; neighbours of close ones are kept orthogonal. */
export function inverseIteration(
  { n, diagonal, offDiagonal }: Pick<Reduction, 'n' | 'diagonal' | 'offDiagonal'>,
  all: Float64Array,
  values: Float64Array,
): Float64Array {
  const norm = Math.max(Math.abs(all[0]!), Math.abs(all[n - 1]!)) || 1;
  const vectors = new Float64Array(values.length * n);
  const factors = new ShiftedFactors(diagonal, offDiagonal, norm);
  const next = uniform(1);
  for (let pair = 0; pair < values.length; pair++) {
    const vector = vectors.subarray(pair * n, (pair + 1) * n);
    factors.factorize(values[pair]! - pair * 1e-16 * norm);
    for (let i = 0; i < n; i++) vector[i] = next() - 0.5;
    for (let iteration = 0; iteration < ITERATIONS; iteration++) {
      factors.solve(vector);
      normalize(vector);
      for (let pass = 0; pass < 2; pass++) removeEarlier(vectors, pair, vector);
      normalize(vector);
    }
  }
  return vectors;
}

function removeEarlier(vectors: Float64Array, count: number, vector: Float64Array): void {
  const n = vector.length;
  for (let other = 0; other < count; other++) {
    const start = other * n;
    let overlap = 0;
    for (let i = 0; i < n; i++) overlap += vectors[start + i]! * vector[i]!;
    for (let i = 0; i < n; i++) vector[i]! -= overlap * vectors[start + i]!;
  }
}

export function normalize(vector: Float64Array): void {
  let largest = 0;
  for (const value of vector) largest = Math.max(largest, Math.abs(value));
  let squares = 0;
  for (let i = 0; i < vector.length; i++) {
    vector[i]! /= largest;
    squares += vector[i]! * vector[i]!;
  }
  const length = Math.sqrt(squares);
  for (let i = 0; i < vector.length; i++) vector[i]! /= length;
}

/** Numbers in [0, 1) that are the same on every machine. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** LU factors, with partial pivoting, of a tridiagonal matrix less a shift. */
class ShiftedFactors {
  readonly #diagonal: Float64Array;
  readonly #offDiagonal: Float64Array;
  readonly #smallest: number;
  readonly #upper: [Float64Array, Float64Array, Float64Array];
  readonly #multipliers: Float64Array;
  readonly #swapped: Uint8Array;

  constructor(diagonal: Float64Array, offDiagonal: Float64Array, norm: number) {
    const n = diagonal.length;
    this.#diagonal = diagonal;
    this.#offDiagonal = offDiagonal;
    this.#smallest = EPSILON * norm;
    this.#upper = [new Float64Array(n), new Float64Array(n), new Float64Array(n)];
    this.#multipliers = new Float64Array(n);
    this.#swapped = new Uint8Array(n);
  }

  factorize(shift: number): void {
    const n = this.#diagonal.length;
    const [u0, u1, u2] = this.#upper;
    for (let i = 0; i < n; i++) {
      u0[i] = this.#diagonal[i]! - shift;
      u1[i] = this.#offDiagonal[i]!;
      u2[i] = 0;
    }
    for (let i = 0; i < n - 1; i++) {
      const below = this.#offDiagonal[i]!;
      const [pivot, beside] = [u0[i]!, u1[i]!];
      this.#swapped[i] = Math.abs(below) > Math.abs(pivot) ? 1 : 0;
      if (this.#swapped[i] === 1) {
        u0[i] = below;
        u1[i] = u0[i + 1]!;
        u2[i] = u1[i + 1]!;
        const multiplier = pivot / below;
        this.#multipliers[i] = multiplier;
        u0[i + 1] = beside - multiplier * u1[i]!;
        u1[i + 1] = -multiplier * u2[i]!;
      } else {
        if (pivot === 0) u0[i] = this.#smallest;
        const multiplier = below / u0[i]!;
        this.#multipliers[i] = multiplier;
        u0[i + 1]! -= multiplier * beside;
      }
    }
    if (u0[n - 1] === 0) u0[n - 1] = this.#smallest;
  }

  solve(vector: Float64Array): void {
    const n = vector.length;
    const [u0, u1, u2] = this.#upper;
    for (let i = 0; i < n - 1; i++) {
      if (this.#swapped[i] === 1) {
        const held = vector[i]!;
        vector[i] = vector[i + 1]!;
        vector[i + 1] = held;
      }
      vector[i + 1]! -= this.#multipliers[i]! * vector[i]!;
    }
    for (let i = n - 1; i >= 0; i--) {
      let value = vector[i]!;
      if (i < n - 1) value -= u1[i]! * vector[i + 1]!;
      if (i < n - 2) value -= u2[i]! * vector[i + 2]!;
      vector[i] = value / u0[i]!;
    }
  }
}
