import { KernelMemory } from './kernel-memory.js';
import { rowPieces } from './row-pieces.js';

/** Values that the kernel remembers the expression of. */
const CACHED = 4096;

/** Rows and values that are handed to the kernel together: they stay in the second cache. */
const ROWS = 256;
const VALUES = 32_768;

interface Exports {
  addRows(
    rows: number,
    ends: number,
    targets: number,
    genes: number,
    toValues: number,
    keys: number,
    cached: number,
  ): void;
}

/** Sum and sum of squares of every gene, interleaved (2 x genes values). */
export type GeneSums = Float64Array;

/** Rows of log-normalised expression; row r has its genes, each once, and values at [indptr[r], indptr[r + 1]). */
export interface ExpressionRows {
  readonly indptr: Int32Array;
  readonly indices: Int32Array;
  readonly values: Float32Array;
}

/**
 * Sums of v = float32(expm1(x)) and of float32(v * v) per gene in float64, row after row, for several sets of rows at a
 * time (core/kernels/assembly/gene-sums.ts).
 */
export class GeneSumsKernel {
  /** One for each set, all zero at the beginning; the caller may read and clear them. */
  readonly sums: readonly GeneSums[];
  readonly #memory: KernelMemory<Exports>;
  readonly #genes: Int32Array;
  readonly #values: Float32Array;
  readonly #ends: Int32Array;
  readonly #targets: Int32Array;
  readonly #keys: number;
  readonly #cached: number;

  constructor(genes: number, sets: number) {
    const stored = Math.max(VALUES, genes);
    const bytes = stored * 8 + ROWS * 8 + CACHED * 20 + sets * (genes * 16 + 16) + 96;
    this.#memory = new KernelMemory<Exports>('gene-sums', bytes);
    this.#genes = this.#memory.int32(stored);
    this.#values = this.#memory.float32(stored);
    this.#ends = this.#memory.int32(ROWS);
    this.#targets = this.#memory.int32(ROWS);
    this.#keys = this.#memory.int32(CACHED).byteOffset;
    this.#cached = this.#memory.float64(CACHED * 2).byteOffset;
    this.sums = Array.from({ length: sets }, () => this.#memory.float64(genes * 2));
  }

  /** Adds rows: `setOf` tells each row's set, or -1 for rows that are left out. */
  addRows({ indptr, indices, values }: ExpressionRows, setOf: (row: number) => number): void {
    for (const { first, end } of rowPieces(indptr, VALUES, ROWS)) {
      const from = indptr[first]!;
      this.#genes.set(indices.subarray(from, indptr[end]));
      this.#values.set(values.subarray(from, indptr[end]));
      const start = this.#genes.byteOffset;
      for (let row = first; row < end; row++) {
        this.#ends[row - first] = start + (indptr[row + 1]! - from) * 4;
        this.#targets[row - first] = this.sums[setOf(row)]?.byteOffset ?? 0;
      }
      this.#memory.exports.addRows(
        end - first,
        this.#ends.byteOffset,
        this.#targets.byteOffset,
        start,
        this.#values.byteOffset - start,
        this.#keys,
        this.#cached,
      );
    }
  }
}
