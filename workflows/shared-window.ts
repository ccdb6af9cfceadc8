import type { ExternalWorkflowHandle } from '@temporalio/workflow';
import { pauseSignal, resizeWindowSignal, resumeSignal } from './messages.js';

/** A batch that shares the window: how many open chunks it was told to have, and whether to pause. */
class Share {
  size: number;
  paused: boolean;
  /** Null until the batch has started. */
  member: Pick<ExternalWorkflowHandle, 'signal'> | null = null;

  constructor(size: number, paused: boolean) {
    this.size = size;
    this.paused = paused;
  }
}

export type { Share };

/** Divides the window of open chunks evenly among all open batches, and pauses them together. */
export class SharedWindow {
  readonly #total: number;
  readonly #shares = new Set<Share>();
  #paused = false;

  constructor(total: number) {
    this.#total = total;
  }

  get paused(): boolean {
    return this.#paused;
  }

  join(): Share {
    const share = new Share(this.#evenly(this.#shares.size + 1), this.#paused);
    this.#shares.add(share);
    this.#tellAll();
    return share;
  }

  started(share: Share, member: Pick<ExternalWorkflowHandle, 'signal'>): void {
    share.member = member;
    this.#tellAll();
  }

  leave(share: Share): void {
    this.#shares.delete(share);
    this.#tellAll();
  }

  pause(): void {
    this.#paused = true;
    this.#tellAll();
  }

  resume(): void {
    this.#paused = false;
    this.#tellAll();
  }

  #evenly(shares: number): number {
    return Math.max(1, Math.floor(this.#total / Math.max(1, shares)));
  }

  /** Tells every started batch what it does not know yet. A batch that just closed needs no telling. */
  #tellAll(): void {
    const size = this.#evenly(this.#shares.size);
    for (const share of this.#shares) {
      if (share.member === null) continue;
      if (share.size !== size) share.member.signal(resizeWindowSignal, size).catch(() => {});
      if (share.paused !== this.#paused) share.member.signal(this.#paused ? pauseSignal : resumeSignal).catch(() => {});
      share.size = size;
      share.paused = this.#paused;
    }
  }
}
