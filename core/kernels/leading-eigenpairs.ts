import { BLOCK_VECTORS, GROUP_BLOCKS, KrylovSteps } from './krylov-steps.js';
import { largestOfPentadiagonal, type Pentadiagonal } from './pentadiagonal.js';
import { type Eigenpairs, largestEigenpairs, normalize, uniform } from './tridiagonal.js';

/** Up to this size a full reduction is as quick. */
const DIRECT_SIZE = 400;
/** Residuals |A v - lambda v| that are reached, by the largest eigenvalue. */
const TOLERANCE = 1e-12;
/** Vectors of the basis, per wanted pair, at the first look at the residuals: covariances of expression need about 6. */
const FIRST_CHECK = 6.4;
/** Vectors, per wanted pair, by which residuals fall to a tenth once they fall. A look costs as much as several vectors. */
const VECTORS_PER_DIGIT = 0.16;
/** Vectors, per wanted pair, that are added at least before another look. */
const LEAST_STEP = 0.4;
/** A new direction shorter than this, by the largest product, is nothing but rounding. */
const VANISHED = 1e-13;
/** Removing the basis from a vector is repeated where it leaves less of it than this: what is left is not orthogonal yet. */
const MOST_REMOVED = 0.5;

/**
 * The `count` largest eigenvalues of a symmetric, positive semidefinite n x n matrix (its upper triangle, packed by rows)
 * with their vectors. Large matrices: block Krylov method with full reorthogonalisation and Rayleigh-Ritz (Golub and
 * Underwood 1977), from a fixed start, until all residuals are below 1e-12; so the same matrix always gives the same bits.
 */
export function leadingEigenpairs(triangle: Float64Array, n: number, count: number): Eigenpairs {
  const largestBasis = Math.floor(n / 2 / BLOCK_VECTORS);
  const direct = n <= DIRECT_SIZE || largestBasis * BLOCK_VECTORS < 4 * count;
  const found = direct ? null : new BlockKrylov(triangle, n, largestBasis).solve(count);
  return found ?? largestEigenpairs(squareOf(triangle, n), n, count);
}

function squareOf(triangle: Float64Array, n: number): Float64Array {
  const square = new Float64Array(n * n);
  let packed = 0;
  for (let row = 0; row < n; row++) {
    for (let column = row; column < n; column++) {
      square[row * n + column] = square[column * n + row] = triangle[packed++]!;
    }
  }
  return square;
}

/** 2 x 2 entries of the matrix within the basis, row-major. */
type Entries = Float64Array;

class BlockKrylov {
  readonly #n: number;
  readonly #steps: KrylovSteps;
  readonly #largestBasis: number;
  /** Within the basis the matrix is block tridiagonal: its blocks on the diagonal, and those below them. */
  readonly #diagonal: Entries[] = [];
  readonly #below: Entries[] = [];
  readonly #random = uniform(20200406);
  #largestProduct = 0;

  constructor(triangle: Float64Array, n: number, largestBasis: number) {
    this.#n = n;
    this.#largestBasis = largestBasis;
    this.#steps = new KrylovSteps(triangle, n, largestBasis + 1);
  }

  /** null where the basis reached its limit first. */
  solve(count: number): Eigenpairs | null {
    this.#begin();
    for (let wanted = FIRST_CHECK * count; ; ) {
      while (this.#size() < wanted && this.#blocks() < this.#largestBasis) this.#extend();
      const ritz = largestOfPentadiagonal(this.#projected(), count);
      const residual = this.#largestResidual(ritz);
      const goal = TOLERANCE * ritz.values[0]!;
      if (residual <= goal) return { values: ritz.values, vectors: this.#vectorsOf(ritz) };
      if (this.#blocks() === this.#largestBasis) return null;
      wanted = this.#size() + (LEAST_STEP + VECTORS_PER_DIGIT * Math.log10(residual / goal)) * count;
    }
  }

  /** Blocks of the basis that the matrix was applied to; one more is kept. */
  #blocks(): number {
    return this.#diagonal.length;
  }

  #size(): number {
    return this.#blocks() * BLOCK_VECTORS;
  }

  #begin(): void {
    this.#steps.block.fill(0);
    for (let vector = 0; vector < BLOCK_VECTORS; vector++) this.#orthonormalize(vector, 0, new Float64Array(4));
    this.#steps.keep(0);
  }

  /** Multiplies the newest basis block by the matrix, and makes what is new in the product the next one. */
  #extend(): void {
    const newest = this.#blocks();
    const { block } = this.#steps;
    const [diagonal, below] = [new Float64Array(4), new Float64Array(4)];
    block.set(this.#steps.basisBlock(newest));
    this.#steps.multiply();
    for (let vector = 0; vector < BLOCK_VECTORS; vector++) {
      this.#largestProduct = Math.max(this.#largestProduct, lengthOf(block, vector));
    }
    // Nearly all of the product lies in the newest blocks; removing these first leaves the rest small.
    const start = Math.floor(Math.max(0, newest - 1) / GROUP_BLOCKS) * GROUP_BLOCKS;
    this.#removeBasis(start, newest, diagonal);
    while (this.#removeBasis(0, newest, diagonal) < MOST_REMOVED);
    this.#diagonal.push(diagonal);
    for (let vector = 0; vector < BLOCK_VECTORS; vector++) this.#orthonormalize(vector, newest + 1, below);
    this.#below.push(below);
    this.#steps.keep(newest + 1);
  }

  /**
   * Makes the block orthogonal to the basis blocks `first` (a multiple of GROUP_BLOCKS) to `last`, adds what it had of the
   * last one to `entries`, and tells which part of its length was left, of the vector that lost most; 1 for nothing but
   * rounding.
   */
  #removeBasis(first: number, last: number, entries: Entries): number {
    const { block, coefficients } = this.#steps;
    const before = [lengthOf(block, 0), lengthOf(block, 1)];
    for (let group = first; group <= last; group += GROUP_BLOCKS) {
      this.#steps.project(group);
      this.#steps.subtract(group);
      if (last < group + GROUP_BLOCKS) {
        const from = (last - group) * entries.length;
        for (let entry = 0; entry < entries.length; entry++) entries[entry]! += coefficients[from + entry]!;
      }
    }
    const left = before.map((length, vector) =>
      length > VANISHED * this.#largestProduct ? lengthOf(block, vector) / length : 1,
    );
    return Math.min(...left);
  }

  /**
   * Makes one vector of the block orthogonal to the one before it, and of length 1; product = basis block * `entries`. One
   * that has nothing new (the basis holds all that the matrix reaches) is replaced by a random one outside of the basis.
   * `position` is the block's own.
   */
  #orthonormalize(vector: number, position: number, entries: Entries): void {
    const { block } = this.#steps;
    for (let other = 0; other < vector; other++) {
      entries[other * BLOCK_VECTORS + vector] = removeVector(block, other, vector) + removeVector(block, other, vector);
    }
    const length = lengthOf(block, vector);
    if (length > VANISHED * this.#largestProduct) {
      scaleVector(block, vector, 1 / length);
      entries[vector * BLOCK_VECTORS + vector] = length;
      return;
    }
    this.#replace(vector, position);
  }

  #replace(vector: number, position: number): void {
    const { block } = this.#steps;
    for (let i = 0; i < this.#n; i++) block[i * BLOCK_VECTORS + vector] = this.#random() - 0.5;
    for (let pass = 0; pass < 2; pass++) {
      if (position > 0) this.#removeBasis(0, position - 1, new Float64Array(4));
      for (let other = 0; other < vector; other++) removeVector(block, other, vector);
    }
    scaleVector(block, vector, 1 / lengthOf(block, vector));
  }

  /** The matrix within the basis: its blocks below the diagonal are upper triangles. */
  #projected(): Pentadiagonal {
    const size = this.#size();
    const [diagonal, off1, off2] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
    for (const [block, entries] of this.#diagonal.entries()) {
      const at = block * BLOCK_VECTORS;
      diagonal[at] = entries[0]!;
      diagonal[at + 1] = entries[3]!;
      off1[at] = (entries[1]! + entries[2]!) / 2;
      if (at + BLOCK_VECTORS === size) continue;
      const below = this.#below[block]!;
      off2[at] = below[0]!;
      off1[at + 1] = below[1]!;
      off2[at + 1] = below[3]!;
    }
    return { diagonal, off1, off2 };
  }

  /** |A v - lambda v| of every Ritz pair follows from what its vector has in the newest block. */
  #largestResidual({ values, vectors }: Eigenpairs): number {
    const size = this.#size();
    const entries = this.#below.at(-1)!;
    let largest = 0;
    for (let pair = 0; pair < values.length; pair++) {
      const newest = pair * size + size - BLOCK_VECTORS;
      let squares = 0;
      for (let i = 0; i < BLOCK_VECTORS; i++) {
        let sum = 0;
        for (let j = 0; j < BLOCK_VECTORS; j++) sum += entries[i * BLOCK_VECTORS + j]! * vectors[newest + j]!;
        squares += sum * sum;
      }
      largest = Math.max(largest, Math.sqrt(squares));
    }
    return largest;
  }

  /** Vectors of the matrix from those within the basis, as many at a time as a block has. */
  #vectorsOf({ values, vectors }: Eigenpairs): Float64Array {
    const [n, size, count] = [this.#n, this.#size(), values.length];
    const { block, coefficients } = this.#steps;
    const result = new Float64Array(count * n);
    for (let pair = 0; pair < count; pair += BLOCK_VECTORS) {
      const together = Math.min(BLOCK_VECTORS, count - pair);
      block.fill(0);
      for (let group = 0; group < this.#blocks(); group += GROUP_BLOCKS) {
        const start = group * BLOCK_VECTORS;
        coefficients.fill(0);
        for (let basis = 0; basis < Math.min(GROUP_BLOCKS * BLOCK_VECTORS, size - start); basis++) {
          for (let vector = 0; vector < together; vector++) {
            coefficients[basis * BLOCK_VECTORS + vector] = -vectors[(pair + vector) * size + start + basis]!;
          }
        }
        this.#steps.subtract(group);
      }
      for (let vector = 0; vector < together; vector++) {
        const target = result.subarray((pair + vector) * n, (pair + vector + 1) * n);
        for (let i = 0; i < n; i++) target[i] = block[i * BLOCK_VECTORS + vector]!;
        normalize(target);
      }
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
