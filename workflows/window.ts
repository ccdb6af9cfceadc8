import { CancellationScope, condition } from '@temporalio/workflow';

/** Work in order; some of it may come while other work is going on. */
export interface WorkSource<Item> {
  /** True where a piece of work could be started now. */
  hasNext(): boolean;
  next(): Item;
}

/** Bounds how many pieces of work are open at once; can be resized and paused while it works. */
export class Window {
  #limit: number;
  #paused: boolean;
  #open = 0;

  constructor(limit: number, paused = false) {
    this.#limit = limit;
    this.#paused = paused;
  }

  get open(): number {
    return this.#open;
  }

  resize(limit: number): void {
    this.#limit = Math.max(1, limit);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  /** Runs `work` for every item in order, as many at once as the window allows; see `drain`. */
  async forEach<Item>(items: Iterable<Item>, work: (item: Item) => Promise<void>): Promise<void> {
    const iterator = items[Symbol.iterator]();
    let upcoming = iterator.next();
    const source = {
      hasNext: () => !upcoming.done,
      next: () => {
        const item = upcoming.value as Item;
        upcoming = iterator.next();
        return item;
      },
    };
    await this.drain(source, work);
  }

  /**
   * Runs `work` for what a source has, as many at once as the window allows, until it has nothing more, nothing is open,
   * and `isOver` says that nothing can come any more. `work` must handle its own failures. When cancelled, starts nothing
   * more, waits until everything open has ended, and throws the cancellation.
   */
  async drain<Item>(
    source: WorkSource<Item>,
    work: (item: Item) => Promise<void>,
    isOver: () => boolean = () => true,
  ): Promise<void> {
    const errors: unknown[] = [];
    const hasRoom = (): boolean => source.hasNext() && this.#open < this.#limit && !this.#paused;
    const hasEnded = (): boolean => !source.hasNext() && this.#open === 0 && isOver();
    try {
      while (!hasEnded()) {
        await condition(() => hasRoom() || hasEnded());
        if (!hasRoom()) continue;
        this.#open++;
        work(source.next())
          .catch((error) => errors.push(error))
          .finally(() => this.#open--);
      }
    } finally {
      await CancellationScope.nonCancellable(() => condition(() => this.#open === 0));
    }
    if (errors.length > 0) throw errors[0];
  }
}
