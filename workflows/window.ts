import { CancellationScope, condition } from '@temporalio/workflow';

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

  /**
   * Runs `work` for every item in order, as many at once as the window allows. `work` must handle its own failures. When
   * cancelled, starts nothing more, waits until everything open has ended, and throws the cancellation.
   */
  async forEach<Item>(items: Iterable<Item>, work: (item: Item) => Promise<void>): Promise<void> {
    const errors: unknown[] = [];
    const start = (item: Item): void => {
      this.#open++;
      work(item)
        .catch((error) => errors.push(error))
        .finally(() => this.#open--);
    };
    try {
      for (const item of items) {
        await condition(() => this.#open < this.#limit && !this.#paused);
        start(item);
      }
    } finally {
      await CancellationScope.nonCancellable(() => condition(() => this.#open === 0));
    }
    if (errors.length > 0) throw errors[0];
  }
}
