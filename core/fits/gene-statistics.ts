import { BLOCK_ROWS, type SparseBlock } from '../anndata/types.js';
import { expm1 } from '../kernels/exp.js';

/**
 * Memory that sums may take at once. Where batches x genes need more, the cells are read several times, each time for
 * as many batches as fit.
 */
export const STATISTICS_BYTES = 256 * 1024 * 1024;

/** Which batch every cell belongs to. */
export interface CellBatches {
  /** Code-point order, only batches that have cells; one nameless batch where cells are not divided. */
  readonly names: readonly string[];
  /** Position in `names` per cell, -1 for cells of no batch; null where all cells belong to the one batch. */
  readonly codes: Int32Array | null;
  /** Cells per batch. */
  readonly cells: Float64Array;
}

/** Sum and sum of squares of every gene, interleaved (2 x genes values), over the cells of one batch. */
export type GeneSums = Float64Array;

export interface StatisticsInput {
  readonly genes: number;
  readonly batches: CellBatches;
  /** Log-normalised expression of cells [start, end), in blocks of BLOCK_ROWS that begin at multiples of it. */
  readonly blocks: (start: number, end: number) => AsyncIterable<SparseBlock>;
  /** Receives the sums of each batch once, in the order of the batches; the array is reused afterwards. */
  readonly deliver: (batch: number, sums: GeneSums) => void | Promise<void>;
  /** Default STATISTICS_BYTES. */
  readonly memory?: number;
}

/**
 * Sums of normalised expression v = float32(expm1(x)) and of float32(v * v) per batch and gene, in float64, as scanpy's
 * highly_variable_genes (flavor seurat) forms them. Every block of BLOCK_ROWS cells is summed on its own and added in
 * row order, so that the result never depends on how the work was divided.
 */
export async function accumulateGeneStatistics(input: StatisticsInput): Promise<void> {
  const { genes, batches, memory = STATISTICS_BYTES } = input;
  const accumulator = new BatchAccumulator(genes, batchesPerPass(genes, memory, batches.names.length));
  for (let first = 0; first < batches.names.length; first += accumulator.capacity) {
    const end = Math.min(batches.names.length, first + accumulator.capacity);
    const rows = rowsOf(batches, first, end);
    accumulator.begin(first, end);
    for await (const block of input.blocks(rows.start, rows.end)) accumulator.add(block, batches.codes);
    for (let batch = first; batch < end; batch++) await input.deliver(batch, accumulator.sumsOf(batch));
  }
}

/** How many batches are summed in one reading of the cells. */
export function batchesPerPass(genes: number, memory: number, batches: number): number {
  return Math.max(1, Math.min(batches, Math.floor(memory / (genes * 16))));
}

/** The cells that a pass has to read: from the first to the last cell of its batches, from the start of a block on. */
function rowsOf({ codes, cells }: CellBatches, first: number, end: number): { start: number; end: number } {
  if (codes === null) return { start: 0, end: cells[0]! };
  const isWanted = (code: number) => code >= first && code < end;
  const firstRow = codes.findIndex(isWanted);
  return { start: firstRow - (firstRow % BLOCK_ROWS), end: codes.findLastIndex(isWanted) + 1 };
}

/** Sums of a range of batches. */
class BatchAccumulator {
  readonly capacity: number;
  readonly #genes: number;
  readonly #totals: Float64Array;
  /** Sums of one batch within one block: all zero between uses. */
  readonly #scratch: Float64Array;
  readonly #rows = new BlockRows();
  readonly #expression = new ExpressionCache();
  #first = 0;
  #end = 0;

  constructor(genes: number, capacity: number) {
    this.#genes = genes;
    this.capacity = capacity;
    this.#totals = new Float64Array(capacity * genes * 2);
    this.#scratch = new Float64Array(genes * 2);
  }

  begin(first: number, end: number): void {
    this.#first = first;
    this.#end = end;
    this.#totals.fill(0);
  }

  sumsOf(batch: number): GeneSums {
    const start = (batch - this.#first) * this.#genes * 2;
    return this.#totals.subarray(start, start + this.#genes * 2);
  }

  add(block: SparseBlock, codes: Int32Array | null): void {
    const rows = this.#rows;
    rows.group(block, codes, this.#first, this.#end);
    for (let group = 0; group < rows.groups; group++) {
      const stored = this.#sumRows(block, rows.firstRow(group));
      this.#flush(block, rows.firstRow(group), stored, this.sumsOf(rows.batch(group)));
    }
  }

  /** Adds the group's rows to the scratch sums; returns how many values they store. */
  #sumRows({ indptr, indices, values }: SparseBlock, firstRow: number): number {
    const sums = this.#scratch;
    const { next } = this.#rows;
    const { keys, cached } = this.#expression;
    const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
    let stored = 0;
    for (let row = firstRow; row >= 0; row = next[row]!) {
      const end = indptr[row + 1]!;
      stored += end - indptr[row]!;
      for (let position = indptr[row]!; position < end; position++) {
        const key = bits[position]!;
        const slot = Math.imul(key, 0x9e3779b1) >>> 20;
        if (keys[slot] !== key) this.#expression.compute(slot, key, values[position]!);
        const value = cached[slot]!;
        const sum = indices[position]! * 2;
        sums[sum]! += value;
        sums[sum + 1]! += Math.fround(value * value);
      }
    }
    return stored;
  }

  /** Moves the scratch sums to the batch's totals: gene by gene where few were touched, else all. */
  #flush({ indptr, indices }: SparseBlock, firstRow: number, stored: number, totals: GeneSums): void {
    const sums = this.#scratch;
    if (stored >= this.#genes) {
      for (let sum = 0; sum < sums.length; sum++) totals[sum]! += sums[sum]!;
      sums.fill(0);
      return;
    }
    const { next } = this.#rows;
    for (let row = firstRow; row >= 0; row = next[row]!) {
      for (let position = indptr[row]!; position < indptr[row + 1]!; position++) {
        const sum = indices[position]! * 2;
        totals[sum]! += sums[sum]!;
        totals[sum + 1]! += sums[sum + 1]!;
        sums[sum] = 0;
        sums[sum + 1] = 0;
      }
    }
  }
}

/** float32(expm1(x)) of values seen lately, found by their bits: a cell's values repeat, since its counts do. */
class ExpressionCache {
  readonly keys = new Int32Array(4096);
  readonly cached = new Float64Array(4096);

  compute(slot: number, key: number, logarithm: number): void {
    this.keys[slot] = key;
    this.cached[slot] = Math.fround(expm1(logarithm));
  }
}

/** The rows of one block, linked together by batch. */
class BlockRows {
  /** Next row of the same batch, -1 at its end. */
  readonly next = new Int32Array(BLOCK_ROWS);
  readonly #batches = new Int32Array(BLOCK_ROWS);
  readonly #firstRows = new Int32Array(BLOCK_ROWS);
  groups = 0;

  batch(group: number): number {
    return this.#batches[group]!;
  }

  firstRow(group: number): number {
    return this.#firstRows[group]!;
  }

  group({ start, rows }: SparseBlock, codes: Int32Array | null, first: number, end: number): void {
    this.groups = 0;
    this.next.fill(-1);
    const lastRows = new Map<number, number>();
    for (let row = 0; row < rows; row++) {
      const batch = codes === null ? 0 : codes[start + row]!;
      if (batch < first || batch >= end) continue;
      const last = lastRows.get(batch);
      if (last === undefined) {
        this.#batches[this.groups] = batch;
        this.#firstRows[this.groups++] = row;
      } else this.next[last] = row;
      lastRows.set(batch, row);
    }
  }
}
