import { copyAheadActivity } from './activity-options.js';
import { isolate } from './siblings.js';
import type { PlanOverview } from './types.js';
import { Window } from './window.js';

/** A worker has a thread or two for copies. More would only wait in its places for activities, which the fit needs. */
const AT_ONCE = 2;

/**
 * Copies inputs while fits are being made, for the chunks that come first once they are there: a copy waits for disks, and
 * nothing else opens a chunk before. A copy that fails here is made again by its chunk, which then says why.
 */
export class CopiesAhead {
  readonly #plan: PlanOverview;
  readonly #window: Window;
  #next: number;
  #to: number;

  constructor(plan: PlanOverview, paused: boolean) {
    this.#plan = plan;
    this.#window = new Window(AT_ONCE, paused);
    const { from, to } = plan.copyAhead ?? { from: 0, to: 0 };
    this.#next = from;
    this.#to = to;
  }

  get isOpen(): boolean {
    return this.#window.open > 0;
  }

  get isIdle(): boolean {
    return !this.isOpen && this.#next >= this.#to;
  }

  pause(): void {
    this.#window.pause();
  }

  resume(): void {
    this.#window.resume();
  }

  /** Begins no more: from here on chunks copy what they need. */
  end(): void {
    this.#to = this.#next;
  }

  /** Works until `isOver`; begins nothing while `isHeld`. */
  async serve(isOver: () => boolean, isHeld: () => boolean): Promise<void> {
    const source = { hasNext: () => this.#next < this.#to && !isHeld(), next: () => this.#next++ };
    const { base, plan } = this.#plan;
    const copy = (chunk: number) =>
      isolate(
        () => copyAheadActivity(chunk)({ base, plan, chunk }),
        () => {},
      );
    await this.#window.drain(source, copy, isOver);
  }
}
