import { invalidInput } from '../errors.js';
import type { BlockRange } from './block-ranges.js';
import type { BlockValues, SparseBlock } from './types.js';

/** A CSC matrix of any store, as the conversion to rows needs it. */
export interface ColumnSource {
  readonly rows: number;
  readonly columns: number;
  /** Offsets of the columns, checked by `checkIndptr`. */
  readonly indptr: Float64Array;
  /** Most stored values asked for at a time. */
  readonly partSize: number;
  /** Array of the type that `values` delivers. */
  newValues(length: number): BlockValues;
  /** Row numbers of the stored values [start, end); valid until the next call. */
  indices(start: number, end: number): Promise<Int32Array>;
  /** Stored values [start, end); valid until the next call. */
  values(start: number, end: number): Promise<BlockValues>;
}

/** Memory for the rows that one pass over the columns gathers. */
const GATHER_BYTES = 2 ** 28;

/**
 * Rows of a CSC matrix as CSR blocks in bounded memory. The first pass counts the stored values of each row; each further pass
 * gathers as many whole blocks as fit into `gatherBytes` (at least one). Columns come in order, so rows are ascending.
 * @param blocks consecutive row ranges
 * @param where names the matrix in messages
 */
export async function* columnsToRowBlocks(
  source: ColumnSource,
  blocks: readonly BlockRange[],
  where: string,
  gatherBytes = GATHER_BYTES,
): AsyncGenerator<SparseBlock> {
  const counts = await countRows(source, where);
  const capacity = Math.max(1, Math.floor(gatherBytes / (4 + source.newValues(0).BYTES_PER_ELEMENT)));
  for (const bucket of buckets(blocks, counts, capacity)) {
    const gathered = await gather(source, bucket, counts, where);
    for (const { start, end } of bucket.blocks) {
      const offset = start - bucket.start;
      const first = gathered.indptr[offset]!;
      const last = gathered.indptr[end - bucket.start]!;
      yield {
        kind: 'sparse',
        start,
        rows: end - start,
        columns: source.columns,
        indptr: Int32Array.from(gathered.indptr.subarray(offset, end - bucket.start + 1), (at) => at - first),
        indices: gathered.indices.subarray(first, last),
        values: gathered.values.subarray(first, last),
      };
    }
  }
}

async function countRows(source: ColumnSource, where: string): Promise<Uint32Array> {
  const { rows, columns, indptr, partSize } = source;
  const counts = new Uint32Array(rows);
  const stored = indptr[columns]!;
  for (let start = 0; start < stored; start += partSize) {
    for (const row of await source.indices(start, Math.min(stored, start + partSize))) {
      if (row < 0 || row >= rows) {
        throw invalidInput(
          `${where} has a value in row ${row}, expected 0 to ${rows - 1}`,
          'Write the matrix again with scipy and anndata: indices inside the shape.',
        );
      }
      counts[row] = counts[row]! + 1;
    }
  }
  return counts;
}

/** Consecutive blocks that are gathered together. */
interface Bucket extends BlockRange {
  readonly blocks: readonly BlockRange[];
  readonly stored: number;
}

function buckets(blocks: readonly BlockRange[], counts: Uint32Array, capacity: number): Bucket[] {
  const result: Bucket[] = [];
  for (const block of blocks) {
    const stored = counts.subarray(block.start, block.end).reduce((sum, count) => sum + count, 0);
    const last = result.at(-1);
    if (last && last.stored + stored <= capacity) {
      result[result.length - 1] = {
        start: last.start,
        end: block.end,
        blocks: [...last.blocks, block],
        stored: last.stored + stored,
      };
    } else {
      result.push({ ...block, blocks: [block], stored });
    }
  }
  return result;
}

async function gather(source: ColumnSource, bucket: Bucket, counts: Uint32Array, where: string) {
  const { start, end, stored } = bucket;
  const offsets = new Float64Array(end - start + 1);
  for (let row = start; row < end; row++) offsets[row - start + 1] = offsets[row - start]! + counts[row]!;
  const next = offsets.slice(0, -1);
  const indices = new Int32Array(stored);
  const values = source.newValues(stored);
  const total = source.indptr[source.columns]!;
  let column = 0;
  for (let first = 0; first < total; first += source.partSize) {
    const last = Math.min(total, first + source.partSize);
    const partRows = await source.indices(first, last);
    const partValues = await source.values(first, last);
    for (let i = 0; i < partRows.length; i++) {
      while (source.indptr[column + 1]! <= first + i) column++;
      const row = partRows[i]! - start;
      if (row < 0 || row >= end - start) continue;
      const at = next[row]!;
      if (at > offsets[row]! && indices[at - 1] === column) {
        throw invalidInput(
          `row ${start + row} of ${where} has two values in column ${column}`,
          "Write the matrix again after scipy's sum_duplicates().",
        );
      }
      indices[at] = column;
      values[at] = partValues[i]!;
      next[row] = at + 1;
    }
  }
  return { indptr: offsets, indices, values };
}
