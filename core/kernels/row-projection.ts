import type { SparseBlock } from '../anndata/types.js';
import { KernelMemory } from './kernel-memory.js';

/** Outputs that the kernel sums at a time; widths are padded to a multiple. */
const LANES = 10;
/** Rows that are handed to the kernel together. */
const ROWS = 64;

interface Exports {
  projectRows(
    rows: number,
    width: number,
    rowEnds: number,
    offsets: number,
    values: number,
    weights: number,
    sums: number,
  ): void;
}

/** A linear map of sparse rows: values times weights, less a constant (core/kernels/assembly/row-projection.ts). */
export interface Projection {
  /** inputs x outputs, row-major. */
  readonly weights: Float64Array;
  readonly outputs: number;
  /** Subtracted from every output. */
  readonly offset: Float64Array;
}

/** Projects row blocks without making them dense; sums in float64, in the order in which a row's values are stored. */
export class RowProjection {
  readonly #outputs: number;
  readonly #width: number;
  readonly #offset: Float64Array;
  readonly #memory: KernelMemory<Exports>;
  readonly #weights: Float64Array;
  readonly #sums: Float64Array;
  readonly #rowEnds: Int32Array;
  readonly #values: Float64Array;
  readonly #offsets: Int32Array;

  constructor({ weights, outputs, offset }: Projection) {
    const inputs = weights.length / outputs;
    const width = Math.ceil(outputs / LANES) * LANES;
    this.#outputs = outputs;
    this.#width = width;
    this.#offset = offset;
    this.#memory = new KernelMemory<Exports>(
      'row-projection',
      (inputs * width + ROWS * width) * 8 + ROWS * inputs * 12 + ROWS * 4 + 128,
    );
    this.#weights = this.#memory.float64(inputs * width);
    this.#sums = this.#memory.float64(ROWS * width);
    this.#values = this.#memory.float64(ROWS * inputs);
    this.#offsets = this.#memory.int32(ROWS * inputs);
    this.#rowEnds = this.#memory.int32(ROWS);
    for (let input = 0; input < inputs; input++) {
      this.#weights.set(weights.subarray(input * outputs, (input + 1) * outputs), input * width);
    }
  }

  /** `inputs` tells each column's input, or -1. Fills `out` (block.rows x outputs). */
  project(block: SparseBlock, inputs: Int32Array, out: Float32Array): void {
    for (let start = 0; start < block.rows; start += ROWS) {
      const rows = Math.min(ROWS, block.rows - start);
      this.#take(block, start, rows, inputs);
      this.#memory.exports.projectRows(
        rows,
        this.#width,
        this.#rowEnds.byteOffset,
        this.#offsets.byteOffset,
        this.#values.byteOffset,
        this.#weights.byteOffset,
        this.#sums.byteOffset,
      );
      for (let row = 0; row < rows; row++) {
        const target = (start + row) * this.#outputs;
        const sum = row * this.#width;
        for (let output = 0; output < this.#outputs; output++)
          out[target + output] = this.#sums[sum + output]! - this.#offset[output]!;
      }
    }
  }

  #take({ indptr, indices, values }: SparseBlock, start: number, rows: number, inputs: Int32Array): void {
    let taken = 0;
    for (let row = 0; row < rows; row++) {
      const end = indptr[start + row + 1]!;
      for (let position = indptr[start + row]!; position < end; position++) {
        const input = inputs[indices[position]!]!;
        if (input < 0) continue;
        this.#offsets[taken] = input * this.#width * 8;
        this.#values[taken++] = values[position]!;
      }
      this.#rowEnds[row] = taken;
    }
  }
}
