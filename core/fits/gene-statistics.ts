import { BLOCK_ROWS, READ_ROWS } from '../anndata/types.js';
import { type GeneSums, GeneSumsKernel } from '../kernels/gene-sums.js';
import type { ExpressionBlock } from '../methods/expression.js';

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

export interface StatisticsInput {
  readonly genes: number;
  readonly batches: CellBatches;
  /** Log-normalised expression of cells [start, end), in blocks of `blockRows` that begin at multiples of it. */
  readonly blocks: (start: number, end: number, blockRows: number) => AsyncIterable<ExpressionBlock>;
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
  const { genes, batches, blocks, memory = STATISTICS_BYTES } = input;
  const count = batches.names.length;
  if (isFew(count) && count * genes * 32 <= memory) {
    const sums = new FewBatches(genes, batches);
    const rows = rowsOf(batches, 0, count);
    for await (const block of blocks(rows.start, rows.end, READ_ROWS)) sums.add(block);
    await sums.deliver(input.deliver);
    return;
  }
  const accumulator = new ManyBatches(genes, batchesPerPass(genes, memory, count));
  for (let first = 0; first < count; first += accumulator.capacity) {
    const end = Math.min(count, first + accumulator.capacity);
    const rows = rowsOf(batches, first, end);
    accumulator.begin(first, end);
    for await (const block of blocks(rows.start, rows.end, BLOCK_ROWS)) accumulator.add(block, batches.codes);
    for (let batch = first; batch < end; batch++) await input.deliver(batch, accumulator.sumsOf(batch));
  }
}

/** Batches whose sums over the open block are kept side by side, so that blocks may be read in parts. */
const FEW_BATCHES = 16;

export const isFew = (batches: number): boolean => batches <= FEW_BATCHES;

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

/** Sums of few batches (`isFew`), from blocks of any size that divides BLOCK_ROWS, in row order. */
export class FewBatches {
  readonly #batches: CellBatches;
  readonly #totals: readonly GeneSums[];
  /** Sums over the open block. */
  readonly #kernel: GeneSumsKernel;
  readonly #touched: boolean[];

  constructor(genes: number, batches: CellBatches) {
    const { length } = batches.names;
    this.#batches = batches;
    this.#totals = Array.from({ length }, () => new Float64Array(genes * 2));
    this.#kernel = new GeneSumsKernel(genes, length);
    this.#touched = Array.from({ length }, () => false);
  }

  add(block: ExpressionBlock): void {
    const { codes } = this.#batches;
    this.#kernel.addRows(block, (row) => {
      const batch = codes === null ? 0 : codes[block.start + row]!;
      if (batch >= 0) this.#touched[batch] = true;
      return batch;
    });
    if ((block.start + block.rows) % BLOCK_ROWS === 0) this.#endBlock();
  }

  /** Ends the sums; they are given batch by batch. */
  async deliver(to: StatisticsInput['deliver']): Promise<void> {
    this.#endBlock();
    for (const [batch, sums] of this.#totals.entries()) await to(batch, sums);
  }

  #endBlock(): void {
    for (const [batch, sums] of this.#kernel.sums.entries()) {
      if (!this.#touched[batch]) continue;
      const total = this.#totals[batch]!;
      for (let sum = 0; sum < sums.length; sum++) total[sum]! += sums[sum]!;
      sums.fill(0);
      this.#touched[batch] = false;
    }
  }
}

/** Sums of a range of batches, block by block: one batch within one block is summed at a time. */
class ManyBatches {
  readonly capacity: number;
  readonly #genes: number;
  readonly #totals: Float64Array;
  /** Sums of one batch within one block: all zero between uses. */
  readonly #kernel: GeneSumsKernel;
  readonly #rows = new BlockRows();
  #first = 0;
  #end = 0;

  constructor(genes: number, capacity: number) {
    this.#genes = genes;
    this.capacity = capacity;
    this.#totals = new Float64Array(capacity * genes * 2);
    this.#kernel = new GeneSumsKernel(genes, 1);
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

  add(block: ExpressionBlock, codes: Int32Array | null): void {
    const rows = this.#rows;
    rows.group(block, codes, this.#first, this.#end);
    for (let group = 0; group < rows.groups; group++) {
      const stored = this.#sumRows(block, rows.firstRow(group));
      this.#flush(block, rows.firstRow(group), stored, this.sumsOf(rows.batch(group)));
    }
  }

  /** Adds the group's rows to the block's sums; returns how many values they store. */
  #sumRows({ indptr: offsets, indices, values }: ExpressionBlock, firstRow: number): number {
    const { next } = this.#rows;
    let stored = 0;
    for (let at = firstRow; at >= 0; at = next[at]!) {
      const [from, to] = [offsets[at]!, offsets[at + 1]!];
      const indptr = Int32Array.of(0, to - from);
      const row = { indptr, indices: indices.subarray(from, to), values: values.subarray(from, to) };
      this.#kernel.addRows(row, () => 0);
      stored += to - from;
    }
    return stored;
  }

  /** Moves the block's sums to the batch's totals: gene by gene where few were touched, else all. */
  #flush({ indptr, indices }: ExpressionBlock, firstRow: number, stored: number, totals: GeneSums): void {
    const sums = this.#kernel.sums[0]!;
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

  group({ start, rows }: ExpressionBlock, codes: Int32Array | null, first: number, end: number): void {
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
