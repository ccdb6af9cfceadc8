// Huffman codes of literals (RFC 8878, section 4.2). A table has for each peeked word of `tableBits` bits the symbol (8
// bits) and how many bits it takes (8).

import { bitsLeft, markBits, peek } from "./backward-bits";
import { accuracy, buildTable, readDistribution } from "./distribution";

const MAX_BITS: u32 = 11;
const TABLE: u32 = 0;
const WEIGHTS: u32 = TABLE + (2 << MAX_BITS);
const RANKS: u32 = WEIGHTS + 256;
/** Table of the code of the weights: 6 bits of accuracy. */
const STATES: u32 = RANKS + 64;
/** Base of a weight is the weight, and no bits follow it. */
const BASES: u32 = STATES + (8 << 6);
const EXTRAS: u32 = BASES + 256 * 4;
export const LITERALS_BYTES: u32 = EXTRAS + 256;

let room: usize = 0;
/** 0 where there is no table yet. */
let tableBits: u32 = 0;

export function openLiterals(at: usize): void {
  room = at;
  tableBits = 0;
  memory.fill(room + EXTRAS, 0, 256);
  for (let weight: u32 = 0; weight < 256; weight++) store<u32>(room + BASES + (weight << 2), weight);
}

/** Reads the description of a tree from [from, end); returns where the next byte lies, or 0 where it is corrupt. */
export function readTree(from: usize, end: usize): usize {
  tableBits = 0;
  if (from >= end) return 0;
  const header: u32 = load<u8>(from++);
  let next: usize;
  let count: u32;
  if (header >= 128) {
    count = header - 127;
    next = from + ((count + 1) >> 1);
    if (next > end) return 0;
    for (let at: u32 = 0; at < count; at++) {
      const pair: u32 = load<u8>(from + (at >> 1));
      store<u8>(room + WEIGHTS + at, <u8>(at & 1 ? pair & 15 : pair >> 4));
    }
  } else {
    next = from + header;
    if (next > end) return 0;
    count = readWeights(from, next);
    if (count == 0) return 0;
  }
  return buildCodes(count) ? next : 0;
}

/** The weights of all symbols but the last one, by two states in turn; returns their number, 0 where they are corrupt. */
function readWeights(from: usize, end: usize): u32 {
  const stream = readDistribution(from, end, 256, 6);
  if (stream == 0 || stream >= end) return 0;
  const last: u32 = load<u8>(end - 1);
  return last == 0 ? 0 : readStates(stream, end, last);
}

function readStates(stream: usize, end: usize, last: u32): u32 {
  buildTable(room + STATES, room + BASES, room + EXTRAS);
  let at = end - 8;
  let used = markBits(last);
  let word = load<u64>(at);
  let first = peek(word, used, accuracy);
  used += accuracy;
  let second = peek(word, used, accuracy);
  used += accuracy;
  if (bitsLeft(stream, at, used) < 0) return 0;
  for (let count: u32 = 0; count < 254; ) {
    const entry = room + STATES + (first << 3);
    store<u8>(room + WEIGHTS + count++, load<u8>(entry, 4));
    const bits: u32 = load<u8>(entry, 2);
    if (bitsLeft(stream, at, used) < <i32>bits) {
      store<u8>(room + WEIGHTS + count++, load<u8>(room + STATES + (second << 3), 4));
      return count;
    }
    at -= used >>> 3;
    used &= 7;
    word = load<u64>(at);
    first = second;
    second = load<u16>(entry) + peek(word, used, bits);
    used += bits;
  }
  return 0;
}

/** Fills the table from `count` weights; the weight of one more symbol follows from them. */
function buildCodes(count: u32): bool {
  memory.fill(room + RANKS, 0, 64);
  let sum: u32 = 0;
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const weight: u32 = load<u8>(room + WEIGHTS + symbol);
    if (weight > MAX_BITS) return false;
    if (weight > 0) sum += 1 << (weight - 1);
    addRank(weight);
  }
  if (sum == 0) return false;
  const bits: u32 = 32 - clz(sum);
  const rest: u32 = (1 << bits) - sum;
  if (bits > MAX_BITS || (rest & (rest - 1)) != 0) return false;
  const lastWeight: u32 = 32 - clz(rest);
  store<u8>(room + WEIGHTS + count, <u8>lastWeight);
  addRank(lastWeight);
  let start: u32 = 0;
  for (let weight: u32 = 1; weight <= bits; weight++) {
    const symbols = load<u32>(room + RANKS + (weight << 2));
    store<u32>(room + RANKS + (weight << 2), start);
    start += symbols << (weight - 1);
  }
  for (let symbol: u32 = 0; symbol <= count; symbol++) {
    const weight: u32 = load<u8>(room + WEIGHTS + symbol);
    if (weight == 0) continue;
    const rank = room + RANKS + (weight << 2);
    const first = load<u32>(rank);
    const length: u32 = 1 << (weight - 1);
    const entry = <u16>(symbol | ((bits + 1 - weight) << 8));
    for (let at = first; at < first + length; at++) store<u16>(room + TABLE + (at << 1), entry);
    store<u32>(rank, first + length);
  }
  tableBits = bits;
  return true;
}

// @ts-ignore: decorator
@inline
function addRank(weight: u32): void {
  const rank = room + RANKS + (weight << 2);
  store<u32>(rank, load<u32>(rank) + 1);
}

// @ts-ignore: decorator
@inline
function entryOf(table: usize, word: u64, used: u32, shift: u32): u32 {
  return load<u16>(table + (<usize>((word << used) >> shift) << 1));
}

/** Decodes one stream [from, end) into exactly `count` bytes at `to`. */
export function readStream(from: usize, end: usize, to: usize, count: u32): bool {
  if (tableBits == 0 || from >= end) return false;
  const last: u32 = load<u8>(end - 1);
  if (last == 0) return false;
  const table = room + TABLE;
  const shift: u32 = 64 - tableBits;
  const least = from - 8;
  const toEnd = to + count;
  let at = end - 8;
  let used = markBits(last);
  while (to < toEnd) {
    at -= used >>> 3;
    used &= 7;
    if (<isize>(at - least) < 0) return false;
    const word = load<u64>(at);
    for (let k: u32 = 0; k < 5 && to < toEnd; k++) {
      const entry = entryOf(table, word, used, shift);
      store<u8>(to++, <u8>entry);
      used += entry >>> 8;
    }
  }
  return bitsLeft(from, at, used) == 0;
}

/** Decodes four streams that follow each other in [from, end), behind the sizes of three, into `count` bytes at `to`. */
export function readFourStreams(from: usize, end: usize, to: usize, count: u32): bool {
  if (tableBits == 0 || end - from < 10) return false;
  const part = (count + 3) >>> 2;
  if (count < 3 * part) return false;
  const firstA = from + 6;
  const firstB = firstA + load<u16>(from);
  const firstC = firstB + load<u16>(from, 2);
  const firstD = firstC + load<u16>(from, 4);
  if (firstD >= end || firstA == firstB || firstB == firstC || firstC == firstD) return false;
  const lastA: u32 = load<u8>(firstB - 1), lastB: u32 = load<u8>(firstC - 1);
  const lastC: u32 = load<u8>(firstD - 1), lastD: u32 = load<u8>(end - 1);
  if (lastA == 0 || lastB == 0 || lastC == 0 || lastD == 0) return false;
  const table = room + TABLE;
  const shift: u32 = 64 - tableBits;
  let a = firstB - 8, b = firstC - 8, c = firstD - 8, d = end - 8;
  let usedA = markBits(lastA), usedB = markBits(lastB), usedC = markBits(lastC), usedD = markBits(lastD);
  const fast = count - 3 * part;
  let done: u32 = 0;
  // Five codes of 11 bits fit into what a word has left at least.
  for (; done + 5 <= fast; done += 5) {
    a -= usedA >>> 3;
    b -= usedB >>> 3;
    c -= usedC >>> 3;
    d -= usedD >>> 3;
    usedA &= 7;
    usedB &= 7;
    usedC &= 7;
    usedD &= 7;
    if ((<isize>(a + 8 - firstA) | <isize>(b + 8 - firstB) | <isize>(c + 8 - firstC) | <isize>(d + 8 - firstD)) < 0) return false;
    const wordA = load<u64>(a), wordB = load<u64>(b), wordC = load<u64>(c), wordD = load<u64>(d);
    const at = to + done;
    for (let k: u32 = 0; k < 5; k++) {
      const entryA = entryOf(table, wordA, usedA, shift), entryB = entryOf(table, wordB, usedB, shift);
      const entryC = entryOf(table, wordC, usedC, shift), entryD = entryOf(table, wordD, usedD, shift);
      store<u8>(at + k, <u8>entryA);
      store<u8>(at + k + part, <u8>entryB);
      store<u8>(at + k + part * 2, <u8>entryC);
      store<u8>(at + k + part * 3, <u8>entryD);
      usedA += entryA >>> 8;
      usedB += entryB >>> 8;
      usedC += entryC >>> 8;
      usedD += entryD >>> 8;
    }
  }
  return readRest(firstA, a, usedA, to + done, to + part)
    && readRest(firstB, b, usedB, to + part + done, to + part * 2)
    && readRest(firstC, c, usedC, to + part * 2 + done, to + part * 3)
    && readRest(firstD, d, usedD, to + part * 3 + done, to + count);
}

/** The rest of a stream, which must end with it. */
function readRest(from: usize, at: usize, used: u32, to: usize, toEnd: usize): bool {
  const table = room + TABLE;
  const shift: u32 = 64 - tableBits;
  while (to < toEnd) {
    at -= used >>> 3;
    used &= 7;
    if (<isize>(at + 8 - from) < 0) return false;
    const entry = entryOf(table, load<u64>(at), used, shift);
    store<u8>(to++, <u8>entry);
    used += entry >>> 8;
  }
  return bitsLeft(from, at, used) == 0;
}
