/** One workflow of a chunk: the first with all methods of its wave (null), or a rerun of some. */
export interface ChunkWork {
  readonly chunk: number;
  readonly rerun: readonly string[] | null;
}

/**
 * The chunks of a batch in order, and the reruns that were asked for. One workflow per chunk at a time: a rerun of a chunk
 * that is at work waits for it, one of a chunk that has not begun is part of its first workflow.
 */
export class ChunkQueue {
  readonly #first: number[];
  readonly #reruns = new Map<number, Set<string>>();
  readonly #open = new Set<number>();
  #begun = 0;

  /** `chunks` in ascending order. */
  constructor(chunks: readonly number[]) {
    this.#first = [...chunks];
  }

  hasNext(): boolean {
    return this.#begun < this.#first.length || this.#nextRerun() !== undefined;
  }

  /** Reruns first: somebody waits for them. */
  next(): ChunkWork {
    const chunk = this.#nextRerun();
    if (chunk === undefined) {
      const first = this.#first[this.#begun++]!;
      this.#open.add(first);
      return { chunk: first, rerun: null };
    }
    const rerun = [...this.#reruns.get(chunk)!];
    this.#reruns.delete(chunk);
    this.#open.add(chunk);
    return { chunk, rerun };
  }

  closed(chunk: number): void {
    this.#open.delete(chunk);
  }

  /** Asks for methods again. True where that takes a workflow of its own, which was not asked for before. */
  restart(chunk: number, methods: readonly string[]): boolean {
    if (this.#isToCome(chunk)) return false;
    const asked = this.#reruns.get(chunk);
    this.#reruns.set(chunk, new Set([...(asked ?? []), ...methods]));
    return asked === undefined;
  }

  #isToCome(chunk: number): boolean {
    const next = this.#first[this.#begun];
    return next !== undefined && chunk >= next && this.#first.includes(chunk, this.#begun);
  }

  #nextRerun(): number | undefined {
    for (const chunk of this.#reruns.keys()) if (!this.#open.has(chunk)) return chunk;
    return undefined;
  }
}
