/** Counts the tasks under way that take no thread for matrices: for whoever decides how many to take. */
class Count {
  #value = 0;
  readonly #listeners = new Set<() => void>();

  get value(): number {
    return this.#value;
  }

  /** Counts work until it ends. */
  async during<Result>(work: Promise<Result>): Promise<Result> {
    this.#value++;
    for (const listener of this.#listeners) listener();
    try {
      return await work;
    } finally {
      this.#value--;
    }
  }

  /** Calls the listener whenever the count has risen; returns how to stop that. */
  onRise(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

export const threadless = new Count();
