import type { BlockValues } from '../anndata/types.js';
import { KernelMemory } from './kernel-memory.js';
import { rowPieces } from './row-pieces.js';

/** Rows and values that are handed to the kernel together: they stay in the second cache. */
const ROWS = 256;
const VALUES = 65_536;

interface Exports {
  begin(): void;
  addRows(rows: number, ends: number, values: number, sums: number): void;
  smallest(): number;
  largest(): number;
  fractionCount(): number;
}

/** What the values of some rows are. NaN counts as no integer; it may hide the extremes. */
export interface ValueStatistics {
  /** Infinity where there are no values. */
  readonly min: number;
  /** -Infinity where there are no values. */
  readonly max: number;
  readonly nonIntegers: number;
}

/** Sums of rows of float32 values in float64, and what the values are (core/kernels/assembly/row-statistics.ts). */
export class RowStatisticsKernel {
  readonly #memory: KernelMemory<Exports>;
  readonly #values: Float32Array;
  readonly #sums: Float64Array;
  readonly #ends: Int32Array;

  /** `columns` is the most values that a row has. */
  constructor(columns: number) {
    const capacity = Math.max(VALUES, columns);
    this.#memory = new KernelMemory<Exports>('row-statistics', capacity * 4 + ROWS * 12 + 64);
    this.#values = this.#memory.float32(capacity);
    this.#sums = this.#memory.float64(ROWS);
    this.#ends = this.#memory.int32(ROWS);
  }

  /** The values of all rows together; fills `sums`, one for each row. Row r has values [offsets[r], offsets[r + 1]). */
  add(values: Float32Array, offsets: Int32Array, sums: Float64Array): ValueStatistics {
    const { exports } = this.#memory;
    exports.begin();
    for (const { first, end } of rowPieces(offsets, VALUES, ROWS)) {
      const from = offsets[first]!;
      this.#values.set(values.subarray(from, offsets[end]));
      for (let row = first; row < end; row++) {
        this.#ends[row - first] = this.#values.byteOffset + (offsets[row + 1]! - from) * 4;
      }
      exports.addRows(end - first, this.#ends.byteOffset, this.#values.byteOffset, this.#sums.byteOffset);
      sums.set(this.#sums.subarray(0, end - first), first);
    }
    return { min: exports.smallest(), max: exports.largest(), nonIntegers: exports.fractionCount() >>> 0 };
  }
}

/** The same of values of any type: the kernel's double. */
export function rowStatistics(values: BlockValues, offsets: Int32Array, sums: Float64Array): ValueStatistics {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let nonIntegers = 0;
  for (let row = 0; row + 1 < offsets.length; row++) {
    const from = offsets[row]!;
    const to = offsets[row + 1]!;
    const fours = to - ((to - from) % 4);
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let at = from; at < fours; at += 4) {
      a += values[at]!;
      b += values[at + 1]!;
      c += values[at + 2]!;
      d += values[at + 3]!;
    }
    let sum = a + c + (b + d);
    for (let at = fours; at < to; at++) sum += values[at]!;
    for (let at = from; at < to; at++) {
      const value = values[at]!;
      if (value < min) min = value;
      if (value > max) max = value;
      if (value !== Math.floor(value)) nonIntegers++;
    }
    sums[row] = sum;
  }
  return { min, max, nonIntegers };
}
