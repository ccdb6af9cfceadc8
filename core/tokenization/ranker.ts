/** Two digits of the radix sort; they hold the leading bits in which the values of a cell differ. */
const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;
const MASK = DIGITS - 1;

/**
 * Sorts up to `capacity` values of 0 or more in descending order; equal values keep their order. A radix sort over 22
 * leading bits of the float64 values, then insertions for the few that differ only below. Reused from cell to cell.
 */
export class Ranker {
  /** What to sort: the first `length` entries. */
  readonly values: Float64Array;
  readonly #halves: Uint32Array;
  readonly #keys: Uint32Array;
  readonly #nextKeys: Uint32Array;
  readonly #order: Uint32Array;
  readonly #nextOrder: Uint32Array;
  readonly #counts = new Uint32Array(2 * DIGITS);

  constructor(capacity: number) {
    this.values = new Float64Array(capacity);
    this.#halves = new Uint32Array(this.values.buffer);
    this.#keys = new Uint32Array(capacity);
    this.#nextKeys = new Uint32Array(capacity);
    this.#order = new Uint32Array(capacity);
    this.#nextOrder = new Uint32Array(capacity);
  }

  /** Positions in `values`, largest value first, in the first `length` entries; valid until the next call. */
  descending(length: number): Uint32Array {
    const counts = this.#counts;
    const keys = this.#keys;
    const nextKeys = this.#nextKeys;
    const order = this.#order;
    const nextOrder = this.#nextOrder;
    this.#countDigits(length);
    for (let i = 0; i < length; i++) {
      const key = keys[i]!;
      const place = counts[key & MASK]!++;
      nextKeys[place] = key;
      nextOrder[place] = i;
    }
    for (let i = 0; i < length; i++) {
      order[counts[DIGITS + (nextKeys[i]! >>> DIGIT_BITS)]!++] = nextOrder[i]!;
    }
    this.#insertByLowerBits(order, length);
    return order;
  }

  /** Keys ascend where values descend; afterwards `counts` has the first place of every digit, for both passes. */
  #countDigits(length: number): void {
    const counts = this.#counts.fill(0);
    const halves = this.#halves;
    const keys = this.#keys;
    let least = 0xffffffff;
    let most = 0;
    for (let i = 0; i < length; i++) {
      const key = ~halves[2 * i + 1]! >>> 0;
      keys[i] = key;
      if (key < least) least = key;
      if (key > most) most = key;
    }
    const unused = Math.max(0, 32 - Math.clz32(most - least) - 2 * DIGIT_BITS);
    for (let i = 0; i < length; i++) {
      const key = (keys[i]! - least) >>> unused;
      keys[i] = key;
      counts[key & MASK]!++;
      counts[DIGITS + (key >>> DIGIT_BITS)]!++;
    }
    for (let pass = 0; pass < counts.length; pass += DIGITS) {
      let before = 0;
      for (let digit = pass; digit < pass + DIGITS; digit++) {
        const count = counts[digit]!;
        counts[digit] = before;
        before += count;
      }
    }
  }

  #insertByLowerBits(order: Uint32Array, length: number): void {
    const values = this.values;
    for (let i = 1; i < length; i++) {
      const position = order[i]!;
      const value = values[position]!;
      let place = i;
      while (place > 0 && values[order[place - 1]!]! < value) {
        order[place] = order[place - 1]!;
        place--;
      }
      order[place] = position;
    }
  }
}
