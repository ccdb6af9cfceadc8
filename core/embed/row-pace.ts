/** What one call of an embedder should take at most: between two calls it hears of cancellation and tells its progress. */
const CALL_MS = 5_000;

/**
 * How many rows an embedder gets at once. Begins with one, and doubles while calls are quick: a large model may need
 * seconds for a cell, a selection of genes does thousands in a millisecond.
 */
export class RowPace {
  #rows = 1;

  /** Rows of the next call, of `left` that are there. */
  next(left: number): number {
    return Math.min(left, this.#rows);
  }

  /** Tells how long a call took. */
  took(rows: number, milliseconds: number): void {
    const perRow = milliseconds / rows;
    if (perRow * 2 * this.#rows <= CALL_MS) this.#rows *= 2;
    else while (this.#rows > 1 && perRow * this.#rows > CALL_MS) this.#rows /= 2;
  }
}
