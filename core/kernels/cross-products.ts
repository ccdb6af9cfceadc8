import { KernelMemory } from './kernel-memory.js';

/** Values of the upper triangle of a columns x columns matrix, diagonal included, packed row by row. */
export const triangleLength = (columns: number): number => (columns * (columns + 1)) / 2;

/** Rows that are multiplied together: their values should stay in the second-level cache. */
const ROWS = 256;

interface Exports {
  takeRow(
    count: number,
    columns: number,
    stored: number,
    ranks: number,
    taken: number,
    offsets: number,
    values: number,
    sums: number,
    columnStarts: number,
  ): number;
  addProducts(
    rows: number,
    columns: number,
    rowEnds: number,
    offsets: number,
    values: number,
    columnStarts: number,
    entryPositions: number,
    entryEnds: number,
    triangle: number,
  ): void;
  moveInto(count: number, totals: number, values: number): void;
}

/**
 * Sums of chosen columns of sparse rows, and of the products of all pairs of them, in float64, row after row within a
 * block of rows, and block after block (core/kernels/assembly/cross-products.ts).
 */
export class CrossProducts {
  readonly #columns: number;
  readonly #memory: KernelMemory<Exports>;
  readonly #rowColumns: Int32Array;
  readonly #rowValues: Float32Array;
  readonly #rowEnds: Int32Array;
  readonly #at: Readonly<
    Record<'ranks' | 'offsets' | 'values' | 'columnStarts' | 'entryPositions' | 'entryEnds', number>
  >;
  /** Sums, then the packed triangle: of the open block, and of all blocks before it. */
  readonly #open: Float64Array;
  readonly #totals: Float64Array;
  #rows = 0;
  #taken = 0;

  /** `ranks` tells each column's place among the `columns` chosen ones, which rises with the column, or -1. */
  constructor(ranks: Int32Array, columns: number) {
    const entries = ROWS * columns;
    const summed = columns + triangleLength(columns) + 1;
    this.#columns = columns;
    this.#memory = new KernelMemory<Exports>(
      'cross-products',
      ranks.length * 12 + ROWS * 4 + columns * 4 + entries * 20 + summed * 16 + 256,
    );
    const area = ranks.length;
    this.#rowColumns = this.#memory.int32(area);
    this.#rowValues = this.#memory.float32(area);
    this.#rowEnds = this.#memory.int32(ROWS);
    const map = this.#memory.int32(area);
    map.set(ranks);
    this.#at = {
      ranks: map.byteOffset,
      offsets: this.#memory.int32(entries).byteOffset,
      values: this.#memory.float64(entries).byteOffset,
      columnStarts: this.#memory.int32(columns + 1).byteOffset,
      entryPositions: this.#memory.int32(entries).byteOffset,
      entryEnds: this.#memory.int32(entries).byteOffset,
    };
    this.#open = this.#memory.float64(summed);
    this.#totals = this.#memory.float64(summed);
  }

  /** Adds a row to the open block: its columns, each once and rising, and their values. */
  addRow(columns: Int32Array, values: Float32Array): void {
    const { ranks, offsets, values: kept, columnStarts } = this.#at;
    this.#rowColumns.set(columns);
    this.#rowValues.set(values);
    this.#taken = this.#memory.exports.takeRow(
      columns.length,
      this.#rowColumns.byteOffset,
      this.#rowValues.byteOffset,
      ranks,
      this.#taken,
      offsets,
      kept,
      this.#open.byteOffset,
      columnStarts,
    );
    this.#rowEnds[this.#rows++] = this.#taken;
    if (this.#rows === ROWS) this.#multiply();
  }

  /** Adds the open block to those before it. */
  endBlock(): void {
    this.#multiply();
    this.#memory.exports.moveInto(
      this.#open.length - (this.#open.length % 2),
      this.#totals.byteOffset,
      this.#open.byteOffset,
    );
  }

  /** Sums of the blocks that were ended. */
  get sums(): Float64Array {
    return this.#totals.subarray(0, this.#columns);
  }

  /** Their sums of products, packed. */
  get triangle(): Float64Array {
    return this.#totals.subarray(this.#columns, this.#columns + triangleLength(this.#columns));
  }

  #multiply(): void {
    const { offsets, values, columnStarts, entryPositions, entryEnds } = this.#at;
    this.#memory.exports.addProducts(
      this.#rows,
      this.#columns,
      this.#rowEnds.byteOffset,
      offsets,
      values,
      columnStarts,
      entryPositions,
      entryEnds,
      this.#open.byteOffset + this.#columns * 8,
    );
    this.#rows = 0;
    this.#taken = 0;
  }
}
