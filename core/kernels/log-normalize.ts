import type { BlockValues } from '../anndata/types.js';
import { log1p } from './log.js';

/** Counts below this are looked up: a cell has few distinct counts, and nearly all of them are small. */
const TABLE_SIZE = 256;
/** Sum of a cell's values before the logarithm, as in scanpy's normalize_total(target_sum=1e4). */
const TARGET_SUM = 1e4;

const table = new Float32Array(TABLE_SIZE);
const filledFor = new Int32Array(TABLE_SIZE);

/**
 * Counts per 10,000 and log1p of CSR rows, with the float32 roundings of scanpy's normalize_total + log1p: the cell's
 * sum, sum / 1e4 (0 becomes 1) and the quotient are each rounded to float32. Results are within 1 ulp of numpy's
 * float32 log1p, and the same bits on every machine. `out` takes one value per stored value.
 */
export function logNormalizeRows(indptr: Int32Array, values: BlockValues, out: Float32Array): void {
  filledFor.fill(-1);
  for (let row = 0; row + 1 < indptr.length; row++) {
    const from = indptr[row]!;
    const to = indptr[row + 1]!;
    let sum = 0;
    for (let at = from; at < to; at++) sum += Math.fround(values[at]!);
    const scale = Math.fround(Math.fround(sum) / TARGET_SUM) || 1;
    for (let at = from; at < to; at++) {
      const count = values[at]!;
      const entry = count | 0;
      if (entry === count && entry >= 0 && entry < TABLE_SIZE) {
        if (filledFor[entry] !== row) {
          filledFor[entry] = row;
          table[entry] = log1p(Math.fround(count / scale));
        }
        out[at] = table[entry]!;
      } else {
        out[at] = log1p(Math.fround(Math.fround(count) / scale));
      }
    }
  }
}
