import type { RowBlock } from '../anndata/types.js';
import { RowStatisticsKernel, rowStatistics, type ValueStatistics } from '../kernels/row-statistics.js';

/** What one pass over a matrix finds; absent values of a sparse matrix count as zeros. */
export interface MatrixStatistics {
  readonly min: number;
  readonly max: number;
  /** Rows x columns. */
  readonly entries: number;
  readonly nonIntegers: number;
  /** Mean and standard deviation (ddof 0) of the row sums. */
  readonly rowSumMean: number;
  readonly rowSumDeviation: number;
}

/** First value that is NaN or infinite. */
export interface NonFinite {
  readonly row: number;
  readonly column: number;
  readonly value: number;
}

/** Takes row blocks of one matrix in order. */
export class StatisticsPass {
  #kernel: RowStatisticsKernel | null = null;
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #entries = 0;
  #stored = 0;
  #nonIntegers = 0;
  #rows = 0;
  #mean = 0;
  #squares = 0;

  /** Adds a block; returns its first NaN or infinity, after which the pass is void. */
  add(block: RowBlock): NonFinite | null {
    const offsets = rowOffsets(block);
    const sums = new Float64Array(block.rows);
    const { min, max, nonIntegers } = this.#statistics(block, offsets, sums);
    for (const [row, sum] of sums.entries()) {
      if (!Number.isFinite(sum)) {
        const found = firstNonFinite(block, row, offsets[row]!, offsets[row + 1]!);
        if (found) return found;
      }
      this.#addRowSum(sum);
    }
    this.#min = Math.min(this.#min, min);
    this.#max = Math.max(this.#max, max);
    this.#nonIntegers += nonIntegers;
    this.#entries += block.rows * block.columns;
    this.#stored += offsets[block.rows]!;
    return null;
  }

  #statistics({ values, columns }: RowBlock, offsets: Int32Array, sums: Float64Array): ValueStatistics {
    if (!(values instanceof Float32Array)) return rowStatistics(values, offsets, sums);
    this.#kernel ??= new RowStatisticsKernel(columns);
    return this.#kernel.add(values, offsets, sums);
  }

  finish(): MatrixStatistics {
    const implicitZeros = this.#stored < this.#entries;
    return {
      min: implicitZeros ? Math.min(this.#min, 0) : this.#min,
      max: implicitZeros ? Math.max(this.#max, 0) : this.#max,
      entries: this.#entries,
      nonIntegers: this.#nonIntegers,
      rowSumMean: this.#mean,
      rowSumDeviation: this.#rows === 0 ? 0 : Math.sqrt(this.#squares / this.#rows),
    };
  }

  /** Welford's update: one pass, and stable where row sums are large and alike. */
  #addRowSum(sum: number): void {
    this.#rows++;
    const delta = sum - this.#mean;
    this.#mean += delta / this.#rows;
    this.#squares += delta * (sum - this.#mean);
  }
}

/** Where the values of each row begin, and where the last one's end. */
function rowOffsets(block: RowBlock): Int32Array {
  if (block.kind === 'sparse') return block.indptr;
  return Int32Array.from({ length: block.rows + 1 }, (_, row) => row * block.columns);
}

/** Null where finite values merely overflowed their sum. */
function firstNonFinite(block: RowBlock, row: number, from: number, to: number): NonFinite | null {
  for (let at = from; at < to; at++) {
    const value = block.values[at]!;
    if (Number.isFinite(value)) continue;
    return { row: block.start + row, column: block.kind === 'sparse' ? block.indices[at]! : at - from, value };
  }
  return null;
}
