import { memoryOfTrees } from '../core/machine/process-tree.js';

const LOOK_MS = 250;

/** Follows the memory of this process and of the process trees below some others, added up. */
export class MemoryWatch {
  readonly #timer: NodeJS.Timeout;
  readonly #roots: () => readonly number[];
  #peak = 0;
  #looking = false;

  constructor(roots: () => readonly number[]) {
    this.#roots = roots;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /** The highest sum of resident memory seen, in bytes; null where this system does not tell. */
  stop(): number | null {
    clearInterval(this.#timer);
    return this.#peak > 0 ? this.#peak : null;
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      this.#peak = Math.max(this.#peak, (await memoryOfTrees(this.#roots())) + process.memoryUsage.rss());
    } catch {
      // A process that ended meanwhile, or a system without /proc and ps: the number stays what it is.
    } finally {
      this.#looking = false;
    }
  }
}
