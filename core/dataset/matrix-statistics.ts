import type { RowBlock } from '../anndata/types.js';

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

/** Takes row blocks in order. */
export class StatisticsPass {
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
    const { values } = block;
    this.#entries += block.rows * block.columns;
    let min = this.#min;
    let max = this.#max;
    let nonIntegers = 0;
    for (let row = 0; row < block.rows; row++) {
      const from = block.kind === 'sparse' ? block.indptr[row]! : row * block.columns;
      const to = block.kind === 'sparse' ? block.indptr[row + 1]! : from + block.columns;
      let sum = 0;
      for (let at = from; at < to; at++) {
        const value = values[at]!;
        sum += value;
        if (value < min) min = value;
        if (value > max) max = value;
        if (value !== Math.floor(value)) nonIntegers++;
      }
      if (!Number.isFinite(sum)) {
        const found = firstNonFinite(block, row, from, to);
        if (found) return found;
      }
      this.#stored += to - from;
      this.#addRowSum(sum);
    }
    this.#min = min;
    this.#max = max;
    this.#nonIntegers += nonIntegers;
    return null;
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

/** Null where finite values merely overflowed their sum. */
function firstNonFinite(block: RowBlock, row: number, from: number, to: number): NonFinite | null {
  for (let at = from; at < to; at++) {
    const value = block.values[at]!;
    if (Number.isFinite(value)) continue;
    return { row: block.start + row, column: block.kind === 'sparse' ? block.indices[at]! : at - from, value };
  }
  return null;
}
