import { sliceRows } from '../anndata/slice-rows.js';
import type { RowBlock } from '../anndata/types.js';
import type { MatrixBlocks, WantedRows } from './embedder-rows.js';

/** One that reads along. */
export interface Seat {
  /** Rows as any reader gives them; the arrays of a block are valid until the next one is asked for. */
  readonly blocks: MatrixBlocks;
  /** Reads no more: the others no longer wait for it. May be called twice. */
  leave(): void;
}

interface Wish extends WantedRows {
  resolve(block: RowBlock | null): void;
  reject(error: unknown): void;
}

/**
 * One stream of row blocks for several who need rows of the same matrix: each block is read once, and the next one when
 * all who are still there have asked for it. Who needs other rows than the rest skips blocks, or waits for its own.
 */
export class SharedBlocks {
  readonly #blocks: MatrixBlocks;
  readonly #wishes = new Set<Wish>();
  #seats: number;
  #reading = false;
  #stream: AsyncIterator<RowBlock> | null = null;
  /** First row that the stream has not given yet. */
  #row = 0;

  /** Nothing is read before all `seats` asked for rows, or left. */
  constructor(blocks: MatrixBlocks, seats: number) {
    this.#blocks = blocks;
    this.#seats = seats;
  }

  seat(): Seat {
    let seated = true;
    return {
      blocks: (rows) => this.#blocksFor(rows),
      leave: () => {
        if (seated) this.#seats--;
        seated = false;
        void this.#serve();
      },
    };
  }

  async *#blocksFor(rows: WantedRows): AsyncGenerator<RowBlock> {
    for (let row = rows.start; row < rows.end; ) {
      const block = await this.#wish({ ...rows, start: row });
      if (block === null) return;
      yield block;
      row = block.start + block.rows;
    }
  }

  #wish(rows: WantedRows): Promise<RowBlock | null> {
    return new Promise((resolve, reject) => {
      this.#wishes.add({ ...rows, resolve, reject });
      void this.#serve();
    });
  }

  async #serve(): Promise<void> {
    if (this.#reading || this.#wishes.size < this.#seats) return;
    if (this.#wishes.size === 0) return this.#endStream();
    this.#reading = true;
    const wishes = [...this.#wishes];
    try {
      this.#give(wishes, await this.#read(Math.min(...wishes.map(({ start }) => start)), wishes));
    } catch (error) {
      this.#stream = null;
      for (const wish of wishes) {
        this.#wishes.delete(wish);
        wish.reject(error);
      }
    }
    this.#reading = false;
    return this.#serve();
  }

  /** The block that begins at a row, or null where the matrix ends before. */
  async #read(row: number, wishes: readonly WantedRows[]): Promise<RowBlock | null> {
    if (this.#row === row) {
      const next = await this.#stream?.next();
      if (next && !next.done) return this.#went(next.value);
    }
    await this.#endStream();
    const end = Math.max(...wishes.map((wish) => wish.end));
    const columns = wishes.flatMap((wish) => wish.columns ?? []);
    const all = wishes.some((wish) => !wish.columns);
    this.#stream = this.#blocks({ start: row, end, ...(all ? {} : { columns }) })[Symbol.asyncIterator]();
    const first = await this.#stream.next();
    return first.done ? null : this.#went(first.value);
  }

  #went(block: RowBlock): RowBlock {
    this.#row = block.start + block.rows;
    return block;
  }

  #give(wishes: readonly Wish[], block: RowBlock | null): void {
    for (const wish of wishes) {
      if (block !== null && wish.start >= this.#row) continue;
      this.#wishes.delete(wish);
      if (block === null) wish.resolve(null);
      else wish.resolve(sliceRows(block, wish.start - block.start, Math.min(wish.end, this.#row) - block.start));
    }
  }

  async #endStream(): Promise<void> {
    const stream = this.#stream;
    this.#stream = null;
    await stream?.return?.();
  }
}
