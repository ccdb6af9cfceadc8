import { performance } from 'node:perf_hooks';
import { availableMemory } from './memory.js';

/** A place for one activity. */
export interface Slot {
  /** When work began in it; null while it only waits for work. */
  usedSince: number | null;
}

/** Replaced in tests. */
export interface SlotWorld {
  available(): number;
  rss(): number;
  /** Milliseconds. */
  now(): number;
}

const MACHINE: SlotWorld = {
  available: () => availableMemory(),
  rss: () => process.memoryUsage.rss(),
  now: () => performance.now(),
};

/** What an activity is taken to need before one was measured: row blocks, buffers, statistics of some thousand genes. */
const FIRST_GUESS = 256 * 2 ** 20;
/** After so long an activity has the memory that it needs, so that what is free no longer includes it. */
const SETTLED_MS = 15_000;

/**
 * Gives out places for activities as long as there is memory for one more, and always the first: else nothing would ever
 * run. What one activity needs is learned: the most memory per running activity seen so far.
 */
export class MemorySlots {
  readonly #most: () => number;
  readonly #world: SlotWorld;
  readonly #held = new Set<Slot>();
  readonly #idleBytes: number;
  #bytesEach = FIRST_GUESS;

  /** `most` places at once, however much memory is free; asked each time. */
  constructor(most: () => number, world: SlotWorld = MACHINE) {
    this.#most = most;
    this.#world = world;
    this.#idleBytes = world.rss();
  }

  /** Null where there is no place, or no memory for one more. */
  take(): Slot | null {
    if (this.#held.size >= this.#most()) return null;
    if (this.#held.size > 0 && !this.#fitsOneMore()) return null;
    const slot: Slot = { usedSince: null };
    this.#held.add(slot);
    return slot;
  }

  use(slot: Slot): void {
    slot.usedSince = this.#world.now();
  }

  release(slot: Slot): void {
    this.#learn();
    this.#held.delete(slot);
  }

  #fitsOneMore(): boolean {
    this.#learn();
    const settledBefore = this.#world.now() - SETTLED_MS;
    const unsettled = [...this.#held].filter(({ usedSince }) => usedSince === null || usedSince > settledBefore).length;
    return this.#world.available() >= (unsettled + 1) * this.#bytesEach;
  }

  #learn(): void {
    const running = [...this.#held].filter(({ usedSince }) => usedSince !== null).length;
    if (running === 0) return;
    this.#bytesEach = Math.max(this.#bytesEach, (this.#world.rss() - this.#idleBytes) / running);
  }
}
