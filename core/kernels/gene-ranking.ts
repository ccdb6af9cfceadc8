import type { RowBlock } from '../anndata/types.js';
import { KernelMemory } from './kernel-memory.js';

/** A code from here on says into which sum a column is counted. */
export const FIRST_SUM = 0x10000;
/** Bytes that the kernel needs for each value of a row, and for each column and sum. */
const BYTES_PER_VALUE = 22;
const BYTES_PER_COLUMN = 16;
const DIGIT_COUNTS = 2048;
/** The kernel numbers the values of a row with 22 bits. */
const MOST_COLUMNS = 2 ** 22;

interface Exports {
  layOut(
    columns: number,
    sumColumns: number,
    numberOfSums: number,
    sums: number,
    digitCounts: number,
    room: number,
    capacity: number,
    targetSum: number,
    sparse: boolean,
    float32Products: boolean,
  ): void;
  areCounts(values: number, length: number): number;
  sumOf(values: number, length: number): number;
  rankRow(indices: number, values: number, length: number, factor: number, most: number, out: number): number;
}

/** Columns, or sums of columns, each with what it is worth. */
export interface RankedColumns {
  /** What scaled counts are multiplied (sparse matrices) or divided by (dense ones). */
  readonly worth: Float64Array;
  /** What is written: 0 to 65535. Of a column also -1, which leaves it out, or FIRST_SUM + i, which counts it into sum i. */
  readonly codes: Int32Array;
}

export interface Ranking {
  readonly columns: RankedColumns;
  /** They stand behind all other columns. */
  readonly sums: RankedColumns;
  /** Counts times (sparse) or divided by (dense) a factor of their row, times this, are scaled counts. */
  readonly targetSum: number;
  readonly sparse: boolean;
  /** Each of these two products is rounded to float32. */
  readonly float32Products: boolean;
  /** Codes that are written at most. */
  readonly most: number;
}

/**
 * Rows of counts as the codes of their columns, largest value (scaled count, times or divided by the column's worth)
 * first; equal values keep the order of columns. Zeros of dense rows and sums of 0 do not count; zeros that a sparse row
 * stores come last. A radix sort of float64 values (core/kernels/assembly/gene-ranking.ts).
 */
export class GeneRanking {
  readonly #memory: KernelMemory<Exports>;
  readonly #indices: Int32Array;
  readonly #values: Float64Array;
  readonly #codes: Uint16Array;
  readonly #most: number;
  #length = 0;

  constructor({ columns, sums, targetSum, sparse, float32Products, most }: Ranking) {
    const capacity = columns.codes.length + sums.codes.length;
    if (capacity > MOST_COLUMNS) throw new RangeError(`${capacity} columns, expected at most ${MOST_COLUMNS}`);
    this.#most = most;
    this.#memory = new KernelMemory<Exports>(
      'gene-ranking',
      capacity * (BYTES_PER_VALUE + BYTES_PER_COLUMN + 12) + sums.codes.length * 8 + DIGIT_COUNTS * 4 + most * 2 + 128,
    );
    this.#indices = this.#memory.int32(capacity);
    this.#values = this.#memory.float64(capacity);
    this.#codes = this.#memory.uint16(most);
    this.#memory.exports.layOut(
      this.#table(columns),
      this.#table(sums),
      sums.codes.length,
      this.#memory.float64(sums.codes.length).byteOffset,
      this.#memory.int32(DIGIT_COUNTS).byteOffset,
      this.#memory.float64(Math.ceil((capacity * BYTES_PER_VALUE) / 8)).byteOffset,
      capacity,
      targetSum,
      sparse,
      float32Products,
    );
  }

  /** Takes a row, which the other functions are about. */
  take(block: RowBlock, row: number): void {
    const first = block.kind === 'sparse' ? block.indptr[row]! : row * block.columns;
    const end = block.kind === 'sparse' ? block.indptr[row + 1]! : first + block.columns;
    this.#length = end - first;
    this.#values.set(block.values.subarray(first, end));
    if (block.kind === 'sparse') this.#indices.set(block.indices.subarray(first, end));
  }

  /** Whether all values of the row are counts: whole, finite, 0 or more. */
  areCounts(): boolean {
    return this.#memory.exports.areCounts(this.#values.byteOffset, this.#length) !== 0;
  }

  /** Sum of the row's values, which must be counts: exact up to 2^53. */
  sum(): number {
    return this.#memory.exports.sumOf(this.#values.byteOffset, this.#length);
  }

  /** Writes the codes of the row to `out` from `at` on, and returns how many columns count, which may be more than are written. */
  rank(factor: number, out: Uint16Array, at: number): number {
    const found = this.#memory.exports.rankRow(
      this.#indices.byteOffset,
      this.#values.byteOffset,
      this.#length,
      factor,
      this.#most,
      this.#codes.byteOffset,
    );
    out.set(this.#codes.subarray(0, Math.min(found, this.#most)), at);
    return found;
  }

  #table({ worth, codes }: RankedColumns): number {
    const numbers = this.#memory.float64((codes.length * BYTES_PER_COLUMN) / 8);
    const integers = new Int32Array(numbers.buffer, numbers.byteOffset, numbers.length * 2);
    for (const [column, code] of codes.entries()) {
      numbers[2 * column] = worth[column]!;
      integers[4 * column + 2] = code;
    }
    return numbers.byteOffset;
  }
}
