import type { MethodScope } from './types.js';

/** One workflow of a batch: the first with all methods of its wave (null), or a rerun. */
export interface BatchWork {
  readonly batch: number;
  readonly rerun: MethodScope | null;
  /** Tells reruns of a wave apart; 0 for the first way. */
  readonly number: number;
}

/** A queue between two runs of its workflow: nothing is open. */
export interface CarriedQueue {
  readonly batches: number;
  readonly begun: number;
  readonly reruns: readonly BatchWork[];
  readonly rerunNumber: number;
}

/** The batches of a wave in order, and reruns of those that are through. One workflow per batch at a time. */
export class BatchQueue {
  readonly #size: number;
  #batches = 0;
  #begun = 0;
  #reruns: BatchWork[] = [];
  #rerunNumber = 0;
  readonly #open = new Map<number, BatchWork>();

  /** `size` chunks per batch. */
  constructor(size: number, carried?: CarriedQueue) {
    this.#size = size;
    if (!carried) return;
    this.#batches = carried.batches;
    this.#begun = carried.begun;
    this.#reruns = [...carried.reruns];
    this.#rerunNumber = carried.rerunNumber;
  }

  carry(): CarriedQueue {
    return {
      ...{ batches: this.#batches, begun: this.#begun, reruns: this.#reruns, rerunNumber: this.#rerunNumber },
    };
  }

  /** From here on there is work: batches 0 ... `batches` - 1. */
  begin(batches: number): void {
    this.#batches = batches;
  }

  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  get isIdle(): boolean {
    return !this.isOpen && this.#reruns.length === 0 && this.#begun === this.#batches;
  }

  /** True until the first way through all batches is done. */
  get isOnFirstWay(): boolean {
    return this.#begun < this.#batches || [...this.#open.values()].some(({ rerun }) => rerun === null);
  }

  hasNext(): boolean {
    return this.#nextRerun() !== undefined || (this.#begun < this.#batches && !this.#open.has(this.#begun));
  }

  /** Reruns first: somebody waits for them. */
  next(): BatchWork {
    const rerun = this.#nextRerun();
    const work = rerun ?? { batch: this.#begun++, rerun: null, number: 0 };
    if (rerun) this.#reruns.splice(this.#reruns.indexOf(rerun), 1);
    this.#open.set(work.batch, work);
    return work;
  }

  closed({ batch }: BatchWork): void {
    this.#open.delete(batch);
  }

  /** True where the first workflow of a batch has still to begin. */
  isToCome(batch: number): boolean {
    return batch >= this.#begun;
  }

  addRerun(batch: number, rerun: MethodScope): void {
    this.#reruns.push({ batch, rerun, number: ++this.#rerunNumber });
  }

  /** Chunks of reruns that wait for their workflow. */
  waitingReruns(chunks: number): number {
    return this.#reruns.reduce((sum, { batch, rerun }) => {
      const from = batch * this.#size;
      const all = Math.min(chunks, from + this.#size) - from;
      return sum + (rerun!.chunks?.length ?? all);
    }, 0);
  }

  #nextRerun(): BatchWork | undefined {
    return this.#reruns.find(({ batch }) => !this.#open.has(batch));
  }
}
