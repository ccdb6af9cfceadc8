import { KernelMemory } from './kernel-memory.js';

/** Rows of which only chosen columns are kept, in any order within a row. */
export interface ChosenRows {
  readonly rows: number;
  /** rows + 1 */
  readonly indptr: Int32Array;
  readonly columns: Int32Array;
  readonly values: Float32Array;
}

/** Values of the upper triangle of a columns x columns matrix, diagonal included, packed row by row. */
export const triangleLength = (columns: number): number => (columns * (columns + 1)) / 2;

/** Rows that are handed to the kernel together: their values should stay in the second-level cache. */
export const KERNEL_ROWS = 256;

interface Exports {
  addCrossProducts(
    columns: number,
    columnStarts: number,
    entryPositions: number,
    entryEnds: number,
    offsets: number,
    values: number,
    triangle: number,
  ): void;
}

/** Sums of the products of all pairs of columns, in float64, row after row (core/kernels/assembly/cross-products.ts). */
export class CrossProducts {
  /** The sums, packed. */
  readonly triangle: Float64Array;
  readonly #columns: number;
  readonly #memory: KernelMemory<Exports>;
  readonly #values: Float64Array;
  readonly #offsets: Int32Array;
  readonly #columnStarts: Int32Array;
  readonly #entryPositions: Int32Array;
  readonly #entryEnds: Int32Array;
  /** Row and value of each entry while columns are gathered. */
  readonly #entryRows: Int32Array;
  readonly #entryValues: Float32Array;

  constructor(columns: number) {
    const entries = KERNEL_ROWS * columns;
    this.#columns = columns;
    this.#memory = new KernelMemory<Exports>(
      'cross-products',
      triangleLength(columns) * 8 + entries * 20 + columns * 4 + 128,
    );
    this.triangle = this.#memory.float64(triangleLength(columns));
    this.#values = this.#memory.float64(entries);
    this.#offsets = this.#memory.int32(entries);
    this.#entryPositions = this.#memory.int32(entries);
    this.#entryEnds = this.#memory.int32(entries);
    this.#columnStarts = this.#memory.int32(columns + 1);
    this.#entryRows = new Int32Array(entries);
    this.#entryValues = new Float32Array(entries);
  }

  /** Adds at most KERNEL_ROWS rows. */
  add(rows: ChosenRows): void {
    this.#gatherColumns(rows);
    this.#sortRows(rows);
    const at = (area: { byteOffset: number }) => area.byteOffset;
    this.#memory.exports.addCrossProducts(
      this.#columns,
      at(this.#columnStarts),
      at(this.#entryPositions),
      at(this.#entryEnds),
      at(this.#offsets),
      at(this.#values),
      at(this.triangle),
    );
  }

  /** Entries by column, in row order within each. */
  #gatherColumns({ rows, indptr, columns, values }: ChosenRows): void {
    const starts = this.#columnStarts.fill(0);
    const end = indptr[rows]!;
    for (let position = indptr[0]!; position < end; position++) starts[columns[position]! + 1]!++;
    for (let column = 0; column < this.#columns; column++) starts[column + 1]! += starts[column]!;
    const next = starts.slice();
    for (let row = 0; row < rows; row++) {
      for (let position = indptr[row]!; position < indptr[row + 1]!; position++) {
        const entry = next[columns[position]!]!++;
        this.#entryRows[entry] = row;
        this.#entryValues[entry] = values[position]!;
      }
    }
  }

  /** The same entries by row with ascending columns. */
  #sortRows({ indptr }: ChosenRows): void {
    const first = indptr[0]!;
    const next = Int32Array.from(indptr, (position) => position - first);
    for (let column = 0; column < this.#columns; column++) {
      for (let entry = this.#columnStarts[column]!; entry < this.#columnStarts[column + 1]!; entry++) {
        const row = this.#entryRows[entry]!;
        const position = next[row]!++;
        this.#offsets[position] = column * 8;
        this.#values[position] = this.#entryValues[entry]!;
        this.#entryPositions[entry] = position;
        this.#entryEnds[entry] = indptr[row + 1]! - first;
      }
    }
  }
}
