import { BLOCK_VECTORS, KrylovSteps } from './krylov-steps.js';
import { type Eigenpairs, largestEigenpairs, normalize, uniform } from './tridiagonal.js';

/** Up to this size a full reduction is as quick. */
const DIRECT_SIZE = 400;
/** Residuals |A v - lambda v| that are reached, by the largest eigenvalue. */
const TOLERANCE = 1e-12;
/** Vectors of the basis, per wanted pair, at the first look at the residuals: covariances of expression need 8 to 11. */
const FIRST_CHECK = 9.6;
/** A new direction shorter than this, by the largest product, is nothing but rounding. */
const VANISHED = 1e-13;

/**
 * The `count` largest eigenvalues of a symmetric, positive semidefinite n x n matrix (row-major) with their vectors.
 * Large matrices: block Krylov method with full reorthogonalisation and Rayleigh-Ritz (Golub and Underwood 1977), from a
 * fixed start, until all residuals are below 1e-12; so the same matrix always gives the same bits.
 */
export function leadingEigenpairs(matrix: Float64Array, n: number, count: number): Eigenpairs {
  const largestBasis = Math.floor(n / 2 / BLOCK_VECTORS);
  if (n <= DIRECT_SIZE || largestBasis * BLOCK_VECTORS < 4 * count) return largestEigenpairs(matrix, n, count);
  return new BlockKrylov(matrix, n, largestBasis).solve(count) ?? largestEigenpairs(matrix, n, count);
}

class BlockKrylov {
  readonly #n: number;
  readonly #steps: KrylovSteps;
  readonly #largestBasis: number;
  /** The matrix within the basis, of leading dimension #width. */
  readonly #projected: Float64Array;
  readonly #width: number;
  readonly #random = uniform(20200406);
  #blocks = 0;
  #largestProduct = 0;

  constructor(matrix: Float64Array, n: number, largestBasis: number) {
    this.#n = n;
    this.#largestBasis = largestBasis;
    this.#width = (largestBasis + 1) * BLOCK_VECTORS;
    this.#projected = new Float64Array(this.#width * this.#width);
    this.#steps = new KrylovSteps(matrix, n, largestBasis + 1);
  }

  /** null where the basis reached its limit first. */
  solve(count: number): Eigenpairs | null {
    this.#begin();
    for (let check = Math.ceil((FIRST_CHECK * count) / BLOCK_VECTORS); ; check = Math.ceil(check * 1.12)) {
      while (this.#blocks < Math.min(check, this.#largestBasis)) this.#extend();
      const ritz = largestEigenpairs(this.#projectedSquare(), this.#size(), count);
      if (this.#largestResidual(ritz) <= TOLERANCE * ritz.values[0]!)
        return { values: ritz.values, vectors: this.#vectorsOf(ritz) };
      if (this.#blocks === this.#largestBasis) return null;
    }
  }

  #size(): number {
    return this.#blocks * BLOCK_VECTORS;
  }

  #begin(): void {
    this.#steps.block.fill(0);
    for (let vector = 0; vector < BLOCK_VECTORS; vector++) this.#orthonormalize(vector, 0);
    this.#steps.keep(0);
  }

  /** Multiplies the newest basis block by the matrix, and makes what is new in the product the next one. */
  #extend(): void {
    const newest = this.#blocks++;
    const { block } = this.#steps;
    block.set(this.#steps.basisBlock(newest));
    this.#steps.multiply();
    for (let vector = 0; vector < BLOCK_VECTORS; vector++) {
      this.#largestProduct = Math.max(this.#largestProduct, lengthOf(block, vector));
    }
    for (let pass = 0; pass < 2; pass++) {
      for (let position = newest; position >= 0; position--) {
        this.#steps.removeFromBlock(position);
        if (position === newest) this.#addToProjected(newest, newest);
      }
    }
    for (let vector = 0; vector < BLOCK_VECTORS; vector++) this.#orthonormalize(vector, this.#blocks);
    this.#steps.keep(this.#blocks);
  }

  #addToProjected(row: number, column: number): void {
    const { coefficients } = this.#steps;
    const start = row * BLOCK_VECTORS * this.#width + column * BLOCK_VECTORS;
    for (let i = 0; i < BLOCK_VECTORS; i++) {
      for (let j = 0; j < BLOCK_VECTORS; j++)
        this.#projected[start + i * this.#width + j]! += coefficients[i * BLOCK_VECTORS + j]!;
    }
  }

  /**
   * Makes one vector of the block orthogonal to those before it, and of length 1. One that has nothing new (the basis
   * holds all that the matrix reaches) is replaced by a random one outside of the basis. `position` is the block's own.
   */
  #orthonormalize(vector: number, position: number): void {
    const { block } = this.#steps;
    for (let other = 0; other < vector; other++) {
      const overlap = removeVector(block, other, vector) + removeVector(block, other, vector);
      this.#setBelow(position, other, vector, overlap);
    }
    const length = lengthOf(block, vector);
    if (length > VANISHED * this.#largestProduct) {
      scaleVector(block, vector, 1 / length);
      this.#setBelow(position, vector, vector, length);
      return;
    }
    this.#replace(vector, position);
  }

  /** Entry of the block between the newest two basis blocks: `#extend` decomposed product = basis block * entries. */
  #setBelow(position: number, row: number, column: number, value: number): void {
    if (position === 0) return;
    const i = position * BLOCK_VECTORS + row;
    const j = (position - 1) * BLOCK_VECTORS + column;
    this.#projected[i * this.#width + j] = value;
    this.#projected[j * this.#width + i] = value;
  }

  #replace(vector: number, position: number): void {
    const { block } = this.#steps;
    for (let i = 0; i < this.#n; i++) block[i * BLOCK_VECTORS + vector] = this.#random() - 0.5;
    for (let pass = 0; pass < 2; pass++) {
      for (let basis = 0; basis < position; basis++) this.#steps.removeFromBlock(basis);
      for (let other = 0; other < vector; other++) removeVector(block, other, vector);
    }
    scaleVector(block, vector, 1 / lengthOf(block, vector));
  }

  #projectedSquare(): Float64Array {
    const size = this.#size();
    const square = new Float64Array(size * size);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        square[i * size + j] = (this.#projected[i * this.#width + j]! + this.#projected[j * this.#width + i]!) / 2;
      }
    }
    return square;
  }

  /** |A v - lambda v| of every Ritz pair follows from what its vector has in the newest block. */
  #largestResidual({ values, vectors }: Eigenpairs): number {
    const size = this.#size();
    let largest = 0;
    for (let pair = 0; pair < values.length; pair++) {
      let squares = 0;
      for (let i = 0; i < BLOCK_VECTORS; i++) {
        let sum = 0;
        for (let j = 0; j < BLOCK_VECTORS; j++) {
          const column = size - BLOCK_VECTORS + j;
          sum += this.#projected[(size + i) * this.#width + column]! * vectors[pair * size + column]!;
        }
        squares += sum * sum;
      }
      largest = Math.max(largest, Math.sqrt(squares));
    }
    return largest;
  }

  #vectorsOf({ values, vectors }: Eigenpairs): Float64Array {
    const [n, size] = [this.#n, this.#size()];
    const result = new Float64Array(values.length * n);
    for (let pair = 0; pair < values.length; pair++) {
      const vector = result.subarray(pair * n, (pair + 1) * n);
      for (let position = 0; position < this.#blocks; position++) {
        const basis = this.#steps.basisBlock(position);
        const start = pair * size + position * BLOCK_VECTORS;
        const [a, b, c, d] = [vectors[start]!, vectors[start + 1]!, vectors[start + 2]!, vectors[start + 3]!];
        for (let i = 0; i < n; i++) {
          const at = i * BLOCK_VECTORS;
          vector[i]! += basis[at]! * a + basis[at + 1]! * b + basis[at + 2]! * c + basis[at + 3]! * d;
        }
      }
      normalize(vector);
    }
    return result;
  }
}

function lengthOf(block: Float64Array, vector: number): number {
  let squares = 0;
  for (let at = vector; at < block.length; at += BLOCK_VECTORS) squares += block[at]! * block[at]!;
  return Math.sqrt(squares);
}

function scaleVector(block: Float64Array, vector: number, factor: number): void {
  for (let at = vector; at < block.length; at += BLOCK_VECTORS) block[at]! *= factor;
}

/** Removes from `vector` its part along `other`, a vector of length 1 of the same block; returns how much that was. */
function removeVector(block: Float64Array, other: number, vector: number): number {
  let overlap = 0;
  for (let at = 0; at < block.length; at += BLOCK_VECTORS) overlap += block[at + other]! * block[at + vector]!;
  for (let at = 0; at < block.length; at += BLOCK_VECTORS) block[at + vector]! -= overlap * block[at + other]!;
  return overlap;
}
