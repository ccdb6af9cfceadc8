// Finite State Entropy tables for encoding (RFC 8878, section 4.1). A table lies at `table`: state transitions first,
// then per symbol what turns a state into bits.

import { addBits, closeBits, flushBits, openBits } from "./bits";

const MAX_LOG: u32 = 9;
export const SYMBOLS: u32 = 64;
const TRANSFORMS: u32 = 2 << MAX_LOG;
/** Bytes of one table. */
export const TABLE_BYTES: u32 = TRANSFORMS + SYMBOLS * 8;

// @ts-ignore: decorator
@inline
export function highBit(value: u32): u32 {
  return 31 - clz(value);
}

/** Bits of accuracy that so many sequences are worth. */
export function accuracy(total: u32, most: u32): u32 {
  return total < 256 ? 6 : min(most, highBit(total) - 1);
}

/** Scales counts to a sum of 1 << log, at least 1 for each symbol that occurs; what rounding leaves goes to the most frequent one. */
export function normalize(counts: usize, norm: usize, total: u32, log: u32): void {
  const size: u32 = 1 << log;
  let sum: u32 = 0, largest: u32 = 0;
  for (let s: u32 = 0; s < SYMBOLS; s++) {
    const count = load<u32>(counts + (s << 2));
    const share: u32 = count == 0 ? 0 : max<u32>(1, <u32>((<u64>count * size + (total >> 1)) / total));
    store<u32>(norm + (s << 2), share);
    sum += share;
    if (count > load<u32>(counts + (largest << 2))) largest = s;
  }
  // Symbols raised to 1 may ask for more than the most frequent one has to give.
  while (sum > size) {
    let widest: u32 = 0;
    for (let s: u32 = 1; s < SYMBOLS; s++) if (load<u32>(norm + (s << 2)) > load<u32>(norm + (widest << 2))) widest = s;
    store<u32>(norm + (widest << 2), load<u32>(norm + (widest << 2)) - 1);
    sum--;
  }
  store<u32>(norm + (largest << 2), load<u32>(norm + (largest << 2)) + size - sum);
}

/** Writes the description of a table; returns where the next byte goes. */
export function writeDescription(at: usize, norm: usize, log: u32): usize {
  openBits(at);
  addBits(log - 5, 4);
  let remaining: i32 = (1 << log) + 1;
  let threshold: i32 = 1 << log;
  let bits: u32 = log + 1;
  let symbol: u32 = 0;
  let afterZero = false;
  while (remaining > 1) {
    if (afterZero) {
      let skipped: u32 = 0;
      while (load<u32>(norm + (symbol << 2)) == 0) {
        symbol++;
        skipped++;
      }
      for (; skipped >= 3; skipped -= 3) {
        addBits(3, 2);
        flushBits();
      }
      addBits(skipped, 2);
    }
    let value = <i32>load<u32>(norm + (symbol++ << 2));
    const spare = 2 * threshold - 1 - remaining;
    remaining -= value;
    value++;
    if (value >= threshold) value += spare;
    addBits(value, bits - u32(value < spare));
    flushBits();
    afterZero = value == 1;
    while (remaining < threshold) {
      bits--;
      threshold >>= 1;
    }
  }
  return closeBits();
}

/** Fills `table` from normalized counts. `spread` is scratch for 1 << log bytes, `starts` for SYMBOLS numbers. */
export function buildTable(table: usize, norm: usize, log: u32, spread: usize, starts: usize): void {
  const size: u32 = 1 << log;
  const step = (size >> 1) + (size >> 3) + 3;
  let position: u32 = 0, sum: u32 = 0;
  for (let s: u32 = 0; s < SYMBOLS; s++) {
    const share = load<u32>(norm + (s << 2));
    store<u32>(starts + (s << 2), sum);
    const transform = table + TRANSFORMS + (s << 3);
    if (share == 1) {
      store<i32>(transform, (log << 16) - size);
      store<i32>(transform, sum - 1, 4);
    } else if (share > 1) {
      const most = log - highBit(share - 1);
      store<i32>(transform, (most << 16) - (share << most));
      store<i32>(transform, sum - share, 4);
    }
    for (let k: u32 = 0; k < share; k++) {
      store<u8>(spread + position, <u8>s);
      position = (position + step) & (size - 1);
    }
    sum += share;
  }
  for (let k: u32 = 0; k < size; k++) {
    const start = starts + (<u32>load<u8>(spread + k) << 2);
    const at = load<u32>(start);
    store<u16>(table + (at << 1), <u16>(size + k));
    store<u32>(start, at + 1);
  }
}

/** A table of one symbol that costs no bits. */
export function buildSingle(table: usize, symbol: u32): void {
  store<u16>(table, 0);
  store<u64>(table + TRANSFORMS + (symbol << 3), 0);
}

// @ts-ignore: decorator
@inline
export function firstState(table: usize, symbol: u32): u32 {
  const transform = table + TRANSFORMS + (symbol << 3);
  const delta = load<i32>(transform);
  const bits = (delta + (1 << 15)) >> 16;
  return load<u16>(table + (((((bits << 16) - delta) >> bits) + load<i32>(transform, 4)) << 1));
}

/** Writes what leads from the next symbol's state here; returns the new state. */
// @ts-ignore: decorator
@inline
export function encodeSymbol(table: usize, state: u32, symbol: u32): u32 {
  const transform = table + TRANSFORMS + (symbol << 3);
  const bits = (state + load<i32>(transform)) >> 16;
  addBits(state, bits);
  return load<u16>(table + (((state >> bits) + load<i32>(transform, 4)) << 1));
}
