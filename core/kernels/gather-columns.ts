import type { SparseBlock } from '../anndata/types.js';
import { KernelMemory } from './kernel-memory.js';
import { rowPieces } from './row-pieces.js';

/** Stored values that are handed to the kernel together, and dense ones that come back: they stay in the second cache. */
const STORED = 32_768;
const DENSE = 65_536;

interface Exports {
  gatherRows(
    rows: number,
    ends: number,
    columns: number,
    toValues: number,
    places: number,
    out: number,
    rowBytes: number,
  ): void;
}

/** Copies chosen columns of sparse float32 rows to their places in dense rows (core/kernels/assembly/gather-columns.ts). */
export class GatherColumns {
  readonly #dim: number;
  readonly #rows: number;
  readonly #memory: KernelMemory<Exports>;
  readonly #places: Int32Array;
  readonly #columns: Int32Array;
  readonly #values: Float32Array;
  readonly #ends: Int32Array;
  readonly #out: Float32Array;

  /** `positions` tells each column's place below `dim`, or -1 for columns that are left out. */
  constructor(positions: Int32Array, dim: number) {
    const stored = Math.max(STORED, positions.length);
    this.#dim = dim;
    this.#rows = Math.max(1, Math.floor(DENSE / dim));
    const out = this.#rows * dim + 1;
    this.#memory = new KernelMemory<Exports>(
      'gather-columns',
      (positions.length + 2 * stored + this.#rows + out) * 4 + 80,
    );
    this.#places = this.#memory.int32(positions.length);
    this.#columns = this.#memory.int32(stored);
    this.#values = this.#memory.float32(stored);
    this.#ends = this.#memory.int32(this.#rows);
    this.#out = this.#memory.float32(out);
    for (const [column, position] of positions.entries()) this.#places[column] = (position < 0 ? dim : position) * 4;
  }

  /** Fills `out` (block.rows x dim); every column of the block has a position. */
  gather({ indptr, indices, values }: SparseBlock, out: Float32Array): void {
    for (const { first, end } of rowPieces(indptr, STORED, this.#rows)) {
      const [from, to] = [indptr[first]!, indptr[end]!];
      this.#columns.set(indices.subarray(from, to));
      this.#values.set(values.subarray(from, to));
      const start = this.#columns.byteOffset;
      for (let row = first; row < end; row++) this.#ends[row - first] = start + (indptr[row + 1]! - from) * 4;
      this.#memory.exports.gatherRows(
        end - first,
        this.#ends.byteOffset,
        start,
        this.#values.byteOffset - start,
        this.#places.byteOffset,
        this.#out.byteOffset,
        this.#dim * 4,
      );
      out.set(this.#out.subarray(0, (end - first) * this.#dim), first * this.#dim);
    }
  }
}
