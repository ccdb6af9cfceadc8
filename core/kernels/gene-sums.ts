import { KernelMemory } from './kernel-memory.js';

/** Values that the kernel remembers the expression of. */
const CACHED = 4096;

interface Exports {
  addRow(count: number, genes: number, values: number, sums: number, keys: number, cached: number): void;
}

/** Sum and sum of squares of every gene, interleaved (2 x genes values). */
export type GeneSums = Float64Array;

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
  readonly #keys: number;
  readonly #cached: number;

  constructor(genes: number, sets: number) {
    this.#memory = new KernelMemory<Exports>('gene-sums', genes * 8 + CACHED * 20 + sets * (genes * 16 + 16) + 64);
    this.#genes = this.#memory.int32(genes);
    this.#values = this.#memory.float32(genes);
    this.#keys = this.#memory.int32(CACHED).byteOffset;
    this.#cached = this.#memory.float64(CACHED * 2).byteOffset;
    this.sums = Array.from({ length: sets }, () => this.#memory.float64(genes * 2));
  }

  /** Adds one row to a set: its genes, each once, and their log-normalised expression. */
  addRow(set: number, genes: Int32Array, values: Float32Array): void {
    this.#genes.set(genes);
    this.#values.set(values);
    this.#memory.exports.addRow(
      genes.length,
      this.#genes.byteOffset,
      this.#values.byteOffset,
      this.sums[set]!.byteOffset,
      this.#keys,
      this.#cached,
    );
  }
}
