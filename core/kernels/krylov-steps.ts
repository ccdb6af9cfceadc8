import { KernelMemory } from './kernel-memory.js';

/** Vectors of a block, interleaved: value i of vector v lies at 2 i + v. */
export const BLOCK_VECTORS = 2;
/** Blocks of the basis that a step takes at a time. */
export const GROUP_BLOCKS = 4;

interface Exports {
  multiply(n: number, triangle: number, vectors: number, target: number): void;
  project(n: number, basis: number, vectors: number, coefficients: number): void;
  subtract(n: number, basis: number, coefficients: number, vectors: number): void;
}

/** The dense steps of the block Krylov method (core/kernels/assembly/krylov.ts), in a memory of their own. */
export class KrylovSteps {
  /** The block being worked on: rows x 2; rows are n and up to 3 of zeros. */
  readonly block: Float64Array;
  /** Coefficients of a group: 8 x 2, row = vector of the basis, column = vector of the block. */
  readonly coefficients: Float64Array;
  readonly #memory: KernelMemory<Exports>;
  readonly #rows: number;
  readonly #triangle: Float64Array;
  readonly #product: Float64Array;
  readonly #basis: Float64Array;

  /**
   * `triangle` is the upper triangle of a symmetric n x n matrix, packed by rows; `largestBasis` counts the blocks that a
   * basis may have.
   */
  constructor(triangle: Float64Array, n: number, largestBasis: number) {
    const rows = Math.ceil(n / 4) * 4;
    const values = (rows * (rows + 1)) / 2;
    const blockLength = rows * BLOCK_VECTORS;
    // Blocks that are not there yet are zeros.
    const basisLength = Math.ceil(largestBasis / GROUP_BLOCKS) * GROUP_BLOCKS * blockLength;
    this.#rows = rows;
    this.#memory = new KernelMemory<Exports>('krylov', (values + 2 * blockLength + 16 + basisLength) * 8 + 128);
    this.#triangle = this.#memory.float64(values);
    this.block = this.#memory.float64(blockLength);
    this.#product = this.#memory.float64(blockLength);
    this.coefficients = this.#memory.float64(2 * GROUP_BLOCKS * BLOCK_VECTORS);
    this.#basis = this.#memory.float64(basisLength);
    this.#take(triangle, n);
  }

  /** Keeps the block as the basis' block at a position. */
  keep(position: number): void {
    this.basisBlock(position).set(this.block);
  }

  basisBlock(position: number): Float64Array {
    const length = this.block.length;
    return this.#basis.subarray(position * length, (position + 1) * length);
  }

  /** block = matrix * block */
  multiply(): void {
    const { block } = this;
    this.#memory.exports.multiply(this.#rows, this.#triangle.byteOffset, block.byteOffset, this.#product.byteOffset);
    block.set(this.#product);
  }

  /** coefficients = transposed basis * block, for the group of basis blocks that begins at a position. */
  project(position: number): void {
    const { block, coefficients } = this;
    const basis = this.basisBlock(position).byteOffset;
    this.#memory.exports.project(this.#rows, basis, block.byteOffset, coefficients.byteOffset);
  }

  /** block = block - basis * coefficients */
  subtract(position: number): void {
    const { block, coefficients } = this;
    const basis = this.basisBlock(position).byteOffset;
    this.#memory.exports.subtract(this.#rows, basis, coefficients.byteOffset, block.byteOffset);
  }

  #take(triangle: Float64Array, n: number): void {
    for (let row = 0, from = 0, to = 0; row < n; row++) {
      this.#triangle.set(triangle.subarray(from, from + n - row), to);
      from += n - row;
      to += this.#rows - row;
    }
  }
}
