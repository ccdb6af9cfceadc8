import { KernelMemory } from './kernel-memory.js';

/** Vectors of a block, interleaved: value i of vector v lies at 4 i + v. */
export const BLOCK_VECTORS = 4;

interface Exports {
  multiply(n: number, matrix: number, vectors: number, target: number): void;
  project(n: number, basis: number, vectors: number, coefficients: number): void;
  subtract(n: number, basis: number, coefficients: number, vectors: number): void;
}

/** The dense steps of the block Krylov method (core/kernels/assembly/krylov.ts), in a memory of their own. */
export class KrylovSteps {
  /** The block being worked on: n x 4. */
  readonly block: Float64Array;
  /** Coefficients of the last projection: 4 x 4, row = vector of the basis, column = vector of the block. */
  readonly coefficients: Float64Array;
  readonly #memory: KernelMemory<Exports>;
  readonly #padded: number;
  readonly #matrix: Float64Array;
  readonly #product: Float64Array;
  readonly #basis: Float64Array;

  /** `matrix` is n x n, row-major, symmetric; `largestBasis` counts the blocks that a basis may have. */
  constructor(matrix: Float64Array, n: number, largestBasis: number) {
    const padded = Math.ceil(n / 4) * 4;
    const blockLength = padded * BLOCK_VECTORS;
    this.#padded = padded;
    this.#memory = new KernelMemory<Exports>(
      'krylov',
      (padded * padded + (2 + largestBasis) * blockLength + 16) * 8 + 128,
    );
    this.#matrix = this.#memory.float64(padded * padded);
    this.block = this.#memory.float64(blockLength);
    this.#product = this.#memory.float64(blockLength);
    this.coefficients = this.#memory.float64(16);
    this.#basis = this.#memory.float64(largestBasis * blockLength);
    for (let row = 0; row < n; row++) this.#matrix.set(matrix.subarray(row * n, row * n + n), row * padded);
  }

  /** Keeps the block as the basis' block at a position. */
  keep(position: number): void {
    this.basisBlock(position).set(this.block);
  }

  basisBlock(position: number): Float64Array {
    const length = this.#padded * BLOCK_VECTORS;
    return this.#basis.subarray(position * length, (position + 1) * length);
  }

  /** block = matrix * block */
  multiply(): void {
    this.#memory.exports.multiply(
      this.#padded,
      this.#matrix.byteOffset,
      this.block.byteOffset,
      this.#product.byteOffset,
    );
    this.block.set(this.#product);
  }

  /** coefficients = transposed basis block * block; block = block - basis block * coefficients */
  removeFromBlock(position: number): void {
    const basis = this.basisBlock(position).byteOffset;
    this.#memory.exports.project(this.#padded, basis, this.block.byteOffset, this.coefficients.byteOffset);
    this.#memory.exports.subtract(this.#padded, basis, this.coefficients.byteOffset, this.block.byteOffset);
  }
}
