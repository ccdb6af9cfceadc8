import type { StagedArray } from '../anndata/publish/staged-array.js';
import { sliceRows } from '../anndata/slice-rows.js';
import { boundedBlockRows } from '../anndata/sparse-row-blocks.js';
import { type AnnData, READ_ROWS, type RowBlock, type RowRange } from '../anndata/types.js';
import type { ChunkScan } from '../dataset/types.js';
import { invalidInput, ObsmithError } from '../errors.js';
import { expressionBlocks } from '../methods/expression.js';
import type { Embedder } from '../methods/types.js';
import type { TaskContext } from '../tasks/types.js';

export interface EmbedBlocksInput {
  readonly input: AnnData;
  readonly scan: ChunkScan;
  readonly embedder: Embedder;
  readonly staged: StagedArray;
  readonly dim: number;
}

/**
 * Fills the row blocks of a staged array that are not done yet. Each stretch of them is read in one stream; a block is
 * written while the next one is computed. InvalidInput where an embedding is not finite, naming cell and column.
 */
export async function embedBlocks(
  { input, scan, embedder, staged, dim }: EmbedBlocksInput,
  context: TaskContext,
): Promise<void> {
  const writer = new BlockWriter(staged, scan.cells, dim);
  let rowsDone = [...staged.done].reduce((rows, block) => rows + writer.rowsOf(block), 0);
  context.progress(rowsDone, scan.cells);
  try {
    for (const { first, end } of stretches(staged)) {
      writer.begin(first);
      const range = { start: first * staged.blockRows, end: Math.min(end * staged.blockRows, scan.cells) };
      for await (const block of sourceBlocks(input, scan, embedder, range)) {
        for (let row = 0; row < block.rows; ) {
          context.checkCancelled();
          const { rows, out } = writer.next(block.rows - row);
          await embedder.embed(sliceRows(block, row, row + rows), out);
          refuseNonFinite(out, dim, block.start + row, scan.name);
          await writer.advance(rows);
          row += rows;
          rowsDone += rows;
          context.progress(rowsDone, scan.cells);
        }
      }
      writer.checkEnded(end, scan.name);
    }
  } finally {
    await writer.settle();
  }
}

/** Stretches of row blocks that are not done: [first, end). */
function stretches(staged: Pick<StagedArray, 'blocks' | 'done'>): { first: number; end: number }[] {
  const found: { first: number; end: number }[] = [];
  for (let block = 0; block < staged.blocks; block++) {
    if (staged.done.has(block)) continue;
    const last = found.at(-1);
    if (last?.end === block) last.end = block + 1;
    else found.push({ first: block, end: block + 1 });
  }
  return found;
}

async function* sourceBlocks(
  input: AnnData,
  scan: ChunkScan,
  embedder: Embedder,
  range: RowRange,
): AsyncIterable<RowBlock> {
  if (embedder.source === 'expression') return yield* expressionBlocks(input, scan, { ...range, blockRows: READ_ROWS });
  const blockRows = boundedBlockRows(await input.matrix('layers/counts'), READ_ROWS);
  yield* input.rowBlocks('layers/counts', { ...range, blockRows });
}

function refuseNonFinite(out: Float32Array, dim: number, firstRow: number, name: string): void {
  if (allFinite(out)) return;
  const at = out.findIndex((value) => !Number.isFinite(value));
  throw invalidInput(
    `The embedding of ${name} is ${out[at]} at row ${firstRow + Math.floor(at / dim)}, column ${at % dim}; finite values were expected`,
    'Check the expression values of that cell; nothing was published for this chunk and method.',
  );
}

/** x * 0 is NaN where x is NaN or infinite, and NaN survives every sum; four sums keep the additions from waiting for each other. */
function allFinite(values: Float32Array): boolean {
  let [a, b, c, d] = [0, 0, 0, 0];
  let at = 0;
  for (; at + 4 <= values.length; at += 4) {
    a += values[at]! * 0;
    b += values[at + 1]! * 0;
    c += values[at + 2]! * 0;
    d += values[at + 3]! * 0;
  }
  for (; at < values.length; at++) a += values[at]! * 0;
  return a + b + c + d === 0;
}

/** Collects rows into the row blocks of a staged array, and writes each while the next is filled. */
class BlockWriter {
  readonly #staged: StagedArray;
  readonly #cells: number;
  readonly #dim: number;
  #filling: Float32Array;
  #writing: Float32Array;
  #written: Promise<void> = Promise.resolve();
  #block = 0;
  #rows = 0;

  constructor(staged: StagedArray, cells: number, dim: number) {
    this.#staged = staged;
    this.#cells = cells;
    this.#dim = dim;
    const length = Math.min(staged.blockRows, cells) * dim;
    this.#filling = new Float32Array(length);
    this.#writing = new Float32Array(staged.blocks > 1 ? length : 0);
  }

  rowsOf(block: number): number {
    return Math.min(this.#staged.blockRows, this.#cells - block * this.#staged.blockRows);
  }

  begin(block: number): void {
    this.#block = block;
    this.#rows = 0;
  }

  /** Zeroed space for the next rows, at most `rows`: as many as fit into the block. */
  next(rows: number): { rows: number; out: Float32Array } {
    const fitting = Math.min(rows, this.rowsOf(this.#block) - this.#rows);
    const out = this.#filling.subarray(this.#rows * this.#dim, (this.#rows + fitting) * this.#dim).fill(0);
    return { rows: fitting, out };
  }

  async advance(rows: number): Promise<void> {
    this.#rows += rows;
    const blockRows = this.rowsOf(this.#block);
    if (this.#rows < blockRows) return;
    await this.#written;
    this.#written = this.#staged.writeBlock(this.#block, this.#filling.subarray(0, blockRows * this.#dim));
    // Its error is thrown by the next await; until then it must not count as unhandled.
    this.#written.catch(() => {});
    if (this.#staged.blocks > 1) [this.#filling, this.#writing] = [this.#writing, this.#filling];
    this.begin(this.#block + 1);
  }

  /** The last write has ended, well or not. */
  async settle(): Promise<void> {
    await this.#written;
  }

  checkEnded(block: number, name: string): void {
    if (this.#block === block && this.#rows === 0) return;
    throw new ObsmithError({
      type: 'Internal',
      message: `${name} gave fewer rows than its ${this.#cells} cells`,
      remedy: 'The attempt is repeated; if it fails again, check the input with: obsmith verify inputs.',
    });
  }
}
