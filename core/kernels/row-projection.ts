import type { Float32Block } from '../anndata/types.js';
import { FilterColumns } from './filter-columns.js';
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
  readonly #filter: FilterColumns;
  /** Where the weights of each column begin in the kernel, in bytes from the first ones. */
  readonly #weightOffsets: Int32Array;
  readonly #memory: KernelMemory<Exports>;
  readonly #weights: Float64Array;
  readonly #sums: Float64Array;
  readonly #rowEnds: Int32Array;
  readonly #values: Float64Array;
  readonly #offsets: Int32Array;

  /** `inputs` tells each column's input, or -1. */
  constructor({ weights, outputs, offset }: Projection, inputs: Int32Array) {
    const count = weights.length / outputs;
    const width = Math.ceil(outputs / LANES) * LANES;
    this.#outputs = outputs;
    this.#width = width;
    this.#offset = offset;
    this.#filter = new FilterColumns(inputs);
    this.#weightOffsets = inputs.map((input) => input * width * 8);
    this.#memory = new KernelMemory<Exports>(
      'row-projection',
      (count * width + ROWS * width) * 8 + ROWS * count * 12 + ROWS * 4 + 128,
    );
    this.#weights = this.#memory.float64(count * width);
    this.#sums = this.#memory.float64(ROWS * width);
    this.#values = this.#memory.float64(ROWS * count);
    this.#offsets = this.#memory.int32(ROWS * count);
    this.#rowEnds = this.#memory.int32(ROWS);
    for (let input = 0; input < count; input++) {
      this.#weights.set(weights.subarray(input * outputs, (input + 1) * outputs), input * width);
    }
  }

  /** Fills `out` (block.rows x outputs). */
  project(block: Float32Block, out: Float32Array): void {
    const kept = this.#filter.apply(block);
    for (let start = 0; start < block.rows; start += ROWS) {
      const rows = Math.min(ROWS, block.rows - start);
      this.#take(kept, start, rows);
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

  #take({ indptr, indices, values }: Float32Block, start: number, rows: number): void {
    const [from, to] = [indptr[start]!, indptr[start + rows]!];
    for (let at = from; at < to; at++) this.#offsets[at - from] = this.#weightOffsets[indices[at]!]!;
    this.#values.set(values.subarray(from, to));
    for (let row = 0; row < rows; row++) this.#rowEnds[row] = indptr[start + row + 1]! - from;
  }
}
