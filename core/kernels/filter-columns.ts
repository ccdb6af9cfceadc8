import type { Float32Block } from '../anndata/types.js';
import { KernelMemory } from './kernel-memory.js';

/** Stored values that are looked at together: they stay in the second-level cache. */
const STORED = 32_768;

interface Exports {
  findChosen(count: number, columns: number, chosen: number, positions: number): number;
}

/** Leaves columns out of sparse float32 rows (core/kernels/assembly/filter-columns.ts). */
export class FilterColumns {
  readonly #memory: KernelMemory<Exports>;
  readonly #chosen: Uint8Array;
  readonly #columns: Int32Array;
  readonly #positions: Int32Array;
  #indices = new Int32Array(0);
  #values = new Float32Array(0);

  /** `positions` is negative for columns that are left out. */
  constructor(positions: Int32Array) {
    this.#memory = new KernelMemory<Exports>('filter-columns', positions.length + (2 * STORED + 1) * 4 + 64);
    this.#chosen = this.#memory.uint8(positions.length);
    this.#columns = this.#memory.int32(STORED);
    this.#positions = this.#memory.int32(STORED + 1);
    for (const [column, position] of positions.entries()) this.#chosen[column] = position < 0 ? 0 : 4;
  }

  /** The block with fewer values; columns keep their numbers. Its arrays are valid until the next call. */
  apply(block: Float32Block): Float32Block {
    const { rows, indptr, indices, values } = block;
    const stored = indptr[rows]!;
    this.#reserve(stored);
    const [keptIndices, keptValues, positions] = [this.#indices, this.#values, this.#positions];
    const offsets = new Int32Array(rows + 1);
    let taken = 0;
    let row = 0;
    for (let from = 0; from < stored; from += STORED) {
      const before = taken;
      const found = this.#findChosen(indices.subarray(from, Math.min(stored, from + STORED)));
      for (let at = 0; at < found; at++, taken++) {
        const position = from + positions[at]!;
        keptIndices[taken] = indices[position]!;
        keptValues[taken] = values[position]!;
      }
      // Rows that end among these values.
      let at = 0;
      for (; row < rows && indptr[row + 1]! <= from + STORED; row++) {
        while (at < found && from + positions[at]! < indptr[row + 1]!) at++;
        offsets[row + 1] = before + at;
      }
    }
    return {
      ...block,
      ...{ indptr: offsets, indices: keptIndices.subarray(0, taken), values: keptValues.subarray(0, taken) },
    };
  }

  /** How many of these columns are chosen; #positions says which. */
  #findChosen(columns: Int32Array): number {
    this.#columns.set(columns);
    const { byteOffset } = this.#positions;
    const end = this.#memory.exports.findChosen(
      columns.length,
      this.#columns.byteOffset,
      this.#chosen.byteOffset,
      byteOffset,
    );
    return (end - byteOffset) / 4;
  }

  /** Memory that is never written to takes no space. */
  #reserve(length: number): void {
    if (this.#values.length >= length) return;
    this.#indices = new Int32Array(Math.ceil(length * 1.25));
    this.#values = new Float32Array(Math.ceil(length * 1.25));
  }
}
