// Finite State Entropy tables for decoding (RFC 8878, section 4.1). A table has 8 bytes for each state: where the next
// state begins (16 bits), how many bits choose it (8), how many bits follow the symbol's base (8), and the base (32).

export const MAX_SYMBOLS: u32 = 256;
/** Scratch: shares of symbols, next states of symbols, symbols of states. */
const SHARES: u32 = 0;
const NEXT: u32 = SHARES + MAX_SYMBOLS * 2;
const SPREAD: u32 = NEXT + MAX_SYMBOLS * 2;
export const DISTRIBUTION_BYTES: u32 = SPREAD + 512;

let scratch: usize = 0;
/** Accuracy of the distribution that was read last, in bits. */
export let accuracy: u32 = 0;

export function openDistributions(at: usize): void {
  scratch = at;
}

/** Takes shares as they are, `count` of them in 16 bits each. */
export function takeDistribution(shares: usize, count: u32, log: u32): void {
  memory.fill(scratch + SHARES, 0, MAX_SYMBOLS * 2);
  memory.copy(scratch + SHARES, shares, count << 1);
  accuracy = log;
}

/** Reads the shares of symbols from [from, end); returns where the next byte lies, or 0 where they are corrupt. */
export function readDistribution(from: usize, end: usize, mostSymbols: u32, mostAccuracy: u32): usize {
  memory.fill(scratch + SHARES, 0, MAX_SYMBOLS * 2);
  if (from >= end) return 0;
  accuracy = (load<u8>(from) & 15) + 5;
  if (accuracy > mostAccuracy) return 0;
  const bitEnd = <u32>(end - from) << 3;
  let bit: u32 = 4;
  let remaining: i32 = 1 << accuracy;
  let symbol: u32 = 0;
  while (remaining > 0) {
    if (symbol >= mostSymbols || bit > bitEnd) return 0;
    const bits = 32 - clz(remaining + 1);
    const found = (load<u32>(from + (bit >> 3)) >> (bit & 7)) & ((1 << bits) - 1);
    const low = found & ((1 << (bits - 1)) - 1);
    const threshold = (1 << bits) - 2 - remaining;
    let value = <i32>found;
    if (<i32>low < threshold) {
      bit += bits - 1;
      value = low;
    } else {
      bit += bits;
      if (found != low) value -= threshold;
    }
    const share = value - 1;
    remaining -= share < 0 ? 1 : share;
    store<i16>(scratch + SHARES + (symbol++ << 1), <i16>share);
    if (share != 0) continue;
    let skipped: u32 = 3;
    while (skipped == 3) {
      if (bit > bitEnd) return 0;
      skipped = (load<u16>(from + (bit >> 3)) >> (bit & 7)) & 3;
      bit += 2;
      symbol += skipped;
    }
  }
  if (remaining < 0 || symbol > mostSymbols || bit > bitEnd) return 0;
  return from + ((bit + 7) >> 3);
}

/** Fills a table from the distribution that was read last; `bases` has the base (32 bits) of each symbol, `extras` its bits (8). */
export function buildTable(table: usize, bases: usize, extras: usize): void {
  const size: u32 = 1 << accuracy;
  let high = size - 1;
  for (let symbol: u32 = 0; symbol < MAX_SYMBOLS; symbol++) {
    const share = <i32>load<i16>(scratch + SHARES + (symbol << 1));
    if (share == -1) store<u8>(scratch + SPREAD + high--, <u8>symbol);
    store<u16>(scratch + NEXT + (symbol << 1), <u16>(share == -1 ? 1 : share));
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let position: u32 = 0;
  for (let symbol: u32 = 0; symbol < MAX_SYMBOLS; symbol++) {
    const share = <i32>load<i16>(scratch + SHARES + (symbol << 1));
    for (let k: i32 = 0; k < share; k++) {
      store<u8>(scratch + SPREAD + position, <u8>symbol);
      do position = (position + step) & (size - 1);
      while (position > high);
    }
  }
  for (let state: u32 = 0; state < size; state++) {
    const symbol: u32 = load<u8>(scratch + SPREAD + state);
    const next: u32 = load<u16>(scratch + NEXT + (symbol << 1));
    store<u16>(scratch + NEXT + (symbol << 1), <u16>(next + 1));
    const bits = accuracy - 31 + clz(next);
    const entry = table + (state << 3);
    store<u16>(entry, <u16>((next << bits) - size));
    store<u8>(entry, <u8>bits, 2);
    store<u8>(entry, load<u8>(extras + symbol), 3);
    store<u32>(entry, load<u32>(bases + (symbol << 2)), 4);
  }
}

/** A table of one state, which is the symbol's and takes no bits. */
export function buildSingle(table: usize, base: u32, extra: u32): void {
  accuracy = 0;
  store<u32>(table, extra << 24);
  store<u32>(table, base, 4);
}

/** Goes back to the table of an earlier block; false where there was none. */
export function keepAccuracy(bits: i32): bool {
  accuracy = bits;
  return bits >= 0;
}
