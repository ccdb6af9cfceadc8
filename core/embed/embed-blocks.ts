import type { StagedArray } from '../anndata/publish/staged-array.js';
import type { ChunkScan } from '../dataset/types.js';
import { ObsmithError } from '../errors.js';
import type { Embedder } from '../methods/types.js';
import type { TaskContext } from '../tasks/types.js';
import { type MatrixBlocks, rowsFor } from './embedder-rows.js';
import { RowPace } from './row-pace.js';

/** Rows of a block that takes longer than this are saved before it is complete: half of the minute that a kill may cost. */
const SAVE_MS = 30_000;
/** Rows that took less are computed again rather than saved when an attempt fails. */
const WORTH_SAVING_MS = 1_000;

export interface EmbedBlocksInput {
  readonly scan: ChunkScan;
  /** Reads the matrix of the embedder's source. */
  readonly blocks: MatrixBlocks;
  readonly embedder: Embedder;
  readonly staged: StagedArray;
  readonly dim: number;
  /** How long rows of a block that is not complete may stay unsaved. */
  readonly saveAfterMs?: number;
}

/**
 * Fills the row blocks of a staged array that are not done yet, and goes on after the saved rows of those that are begun.
 * Each stretch of them is read in one stream; a block is written while the next one is computed.
 */
export async function embedBlocks(
  { scan, blocks, embedder, staged, dim, saveAfterMs = SAVE_MS }: EmbedBlocksInput,
  context: TaskContext,
): Promise<void> {
  const writer = new BlockWriter(staged, scan.cells, dim, saveAfterMs);
  const pace = new RowPace();
  let rowsDone = writer.rowsDone();
  context.progress(rowsDone, scan.cells);
  try {
    for (const { first, end } of stretches(staged)) {
      const saved = await writer.begin(first);
      const range = { start: first * staged.blockRows + saved, end: Math.min(end * staged.blockRows, scan.cells) };
      for await (const block of rowsFor(embedder, blocks, range)) {
        for (let row = 0; row < block.rows; ) {
          context.checkCancelled();
          const { rows, out } = writer.next(pace.next(block.rows - row));
          const began = performance.now();
          await block.embed(row, row + rows, out);
          pace.took(rows, performance.now() - began);
          await writer.advance(rows);
          row += rows;
          rowsDone += rows;
          context.progress(rowsDone, scan.cells);
        }
      }
      writer.checkEnded(end, scan.name);
    }
  } catch (error) {
    await writer.saveRest();
    throw error;
  } finally {
    await writer.settle();
  }
}

/** Stretches of row blocks that are not done: [first, end). One that is begun is the first of its stretch. */
function stretches(staged: Pick<StagedArray, 'blocks' | 'done' | 'savedRows'>): { first: number; end: number }[] {
  const found: { first: number; end: number }[] = [];
  for (let block = 0; block < staged.blocks; block++) {
    if (staged.done.has(block)) continue;
    const last = found.at(-1);
    if (last?.end === block && staged.savedRows(block) === 0) last.end = block + 1;
    else found.push({ first: block, end: block + 1 });
  }
  return found;
}

/** Collects rows into the row blocks of a staged array, writes each while the next is filled, and saves what takes long. */
class BlockWriter {
  readonly #staged: StagedArray;
  readonly #cells: number;
  readonly #dim: number;
  readonly #saveAfterMs: number;
  #filling: Float32Array;
  #writing: Float32Array;
  #written: Promise<void> = Promise.resolve();
  #block = 0;
  #rows = 0;
  /** Rows of the block that are on disk, and since when. */
  #saved = 0;
  #savedAt = performance.now();

  constructor(staged: StagedArray, cells: number, dim: number, saveAfterMs: number) {
    this.#staged = staged;
    this.#cells = cells;
    this.#dim = dim;
    this.#saveAfterMs = saveAfterMs;
    const length = Math.min(staged.blockRows, cells) * dim;
    this.#filling = new Float32Array(length);
    this.#writing = new Float32Array(staged.blocks > 1 ? length : 0);
  }

  rowsOf(block: number): number {
    return Math.min(this.#staged.blockRows, this.#cells - block * this.#staged.blockRows);
  }

  /** Rows that need not be computed. */
  rowsDone(): number {
    const { blocks, done } = this.#staged;
    const rowsDoneOf = (block: number): number =>
      done.has(block) ? this.rowsOf(block) : this.#staged.savedRows(block);
    return Array.from({ length: blocks }, (_, block) => rowsDoneOf(block)).reduce((sum, rows) => sum + rows, 0);
  }

  /** Goes on with a block after its saved rows; gives their number. */
  async begin(block: number): Promise<number> {
    const rows = this.#staged.savedRows(block);
    if (rows > 0) await this.#staged.readSaved(block, this.#filling);
    this.#enter(block, rows);
    return rows;
  }

  /** Space for the next rows, at most `rows`: as many as fit into the block. It holds what earlier blocks left. */
  next(rows: number): { rows: number; out: Float32Array } {
    const fitting = Math.min(rows, this.rowsOf(this.#block) - this.#rows);
    const out = this.#filling.subarray(this.#rows * this.#dim, (this.#rows + fitting) * this.#dim);
    return { rows: fitting, out };
  }

  async advance(rows: number): Promise<void> {
    this.#rows += rows;
    const blockRows = this.rowsOf(this.#block);
    if (this.#rows < blockRows) return this.#saveAfter(this.#saveAfterMs);
    await this.#written;
    this.#written = this.#staged.writeBlock(this.#block, this.#filling.subarray(0, blockRows * this.#dim));
    // Its error is thrown by the next await; until then it must not count as unhandled.
    this.#written.catch(() => {});
    if (this.#staged.blocks > 1) [this.#filling, this.#writing] = [this.#writing, this.#filling];
    this.#enter(this.#block + 1, 0);
  }

  /** After an error: what was computed since rows were saved last. Where that fails, too, it is computed again. */
  async saveRest(): Promise<void> {
    await this.#saveAfter(WORTH_SAVING_MS).catch(() => {});
  }

  #enter(block: number, rows: number): void {
    this.#block = block;
    this.#rows = rows;
    this.#saved = rows;
    this.#savedAt = performance.now();
  }

  async #saveAfter(milliseconds: number): Promise<void> {
    if (this.#rows === this.#saved || performance.now() - this.#savedAt < milliseconds) return;
    await this.#staged.saveRows(this.#block, this.#filling.subarray(this.#saved * this.#dim, this.#rows * this.#dim));
    this.#saved = this.#rows;
    this.#savedAt = performance.now();
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
