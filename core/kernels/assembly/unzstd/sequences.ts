// The sequences of a block (RFC 8878, sections 3.1.1.3.2 and 3.1.1.4): literals to copy, then a match to copy from earlier.

import { copyWide, PATTERNS, STRIDES } from "../lz/matches";
import { bitsLeft, markBits, peek } from "./backward-bits";
import { accuracy, buildSingle, buildTable, keepAccuracy, readDistribution, takeDistribution } from "./distribution";

const LITERAL_CODES: u32 = 36, OFFSET_CODES: u32 = 32, MATCH_CODES: u32 = 53;

const LITERAL_BASES: usize = memory.data<u32>([
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 32, 40, 48, 64, 128, 256, 512, 1024,
  2048, 4096, 8192, 16384, 32768, 65536,
]);
const LITERAL_EXTRAS: usize = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
]);
const MATCH_BASES: usize = memory.data<u32>([
  3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
  34, 35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99, 131, 259, 515, 1027, 2051, 4099, 8195, 16387, 32771, 65539,
]);
const MATCH_EXTRAS: usize = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
]);
const OFFSET_BASES: usize = memory.data<u32>([
  1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072, 262144, 524288, 1048576,
  2097152, 4194304, 8388608, 16777216, 33554432, 67108864, 134217728, 268435456, 536870912, 1073741824, 2147483648,
]);
const OFFSET_EXTRAS: usize = memory.data<u8>([
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
]);
// Distributions of blocks that describe none, with 6, 5 and 6 bits of accuracy.
const LITERAL_SHARES: usize = memory.data<i16>([
  4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1,
]);
const OFFSET_SHARES: usize = memory.data<i16>([
  1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
]);
const MATCH_SHARES: usize = memory.data<i16>([
  1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
  1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
]);

const LITERAL_TABLE: u32 = 0;
const OFFSET_TABLE: u32 = LITERAL_TABLE + (8 << 9);
const MATCH_TABLE: u32 = OFFSET_TABLE + (8 << 8);
export const SEQUENCES_BYTES: u32 = MATCH_TABLE + (8 << 9);

let room: usize = 0;
// Bits of accuracy of the three tables; negative where there is none yet.
let literalBits: i32 = -1;
let offsetBits: i32 = -1;
let matchBits: i32 = -1;
// The latest distances, the most recent one first.
let latest: usize = 1;
let second: usize = 4;
let third: usize = 8;

export function openSequences(at: usize): void {
  room = at;
  literalBits = offsetBits = matchBits = -1;
  latest = 1;
  second = 4;
  third = 8;
}

/**
 * Executes the sequences in [from, end) from `to` on, which may not pass `toEnd`; matches begin at `first` at the earliest.
 * Literals lie in [literals, literalEnd). Returns where the block's output ends, 0 where it is corrupt.
 */
export function runSequences(from: usize, end: usize, to: usize, toEnd: usize, first: usize, literals: usize, literalEnd: usize): usize {
  if (from >= end) return 0;
  let count: u32 = load<u8>(from++);
  if (count == 0) return from == end ? copyRest(to, toEnd, literals, literalEnd) : 0;
  if (count == 255) {
    count = <u32>load<u16>(from) + 0x7f00;
    from += 2;
  } else if (count >= 128) count = ((count - 128) << 8) + load<u8>(from++);
  const modes: u32 = load<u8>(from++);
  if ((modes & 3) != 0 || from > end) return 0;
  from = readTable(modes >> 6, from, end, LITERAL_TABLE, LITERAL_BASES, LITERAL_EXTRAS, LITERAL_CODES, 9, LITERAL_SHARES, LITERAL_CODES, 6, literalBits);
  if (from == 0) return 0;
  literalBits = accuracy;
  from = readTable((modes >> 4) & 3, from, end, OFFSET_TABLE, OFFSET_BASES, OFFSET_EXTRAS, OFFSET_CODES, 8, OFFSET_SHARES, 29, 5, offsetBits);
  if (from == 0) return 0;
  offsetBits = accuracy;
  from = readTable((modes >> 2) & 3, from, end, MATCH_TABLE, MATCH_BASES, MATCH_EXTRAS, MATCH_CODES, 9, MATCH_SHARES, MATCH_CODES, 6, matchBits);
  if (from == 0) return 0;
  matchBits = accuracy;
  if (from >= end) return 0;
  const last: u32 = load<u8>(end - 1);
  return last == 0 ? 0 : runStream(count, from, end, last, to, toEnd, first, literals, literalEnd);
}

/** Makes a table by its mode: known, one symbol, described, or as it was. Sets `accuracy`. */
function readTable(
  mode: u32, from: usize, end: usize, table: usize, bases: usize, extras: usize, codes: u32, mostAccuracy: u32,
  shares: usize, shareCount: u32, shareBits: u32, bitsBefore: i32,
): usize {
  if (mode == 3) return keepAccuracy(bitsBefore) ? from : 0;
  if (mode == 1) {
    const symbol: u32 = load<u8>(from);
    if (from >= end || symbol >= codes) return 0;
    buildSingle(room + table, load<u32>(bases + (symbol << 2)), load<u8>(extras + symbol));
    return from + 1;
  }
  if (mode == 0) takeDistribution(shares, shareCount, shareBits);
  else from = readDistribution(from, end, codes, mostAccuracy);
  if (from != 0) buildTable(room + table, bases, extras);
  return from;
}

function copyRest(to: usize, toEnd: usize, literals: usize, literalEnd: usize): usize {
  const rest = literalEnd - literals;
  if (rest > toEnd - to) return 0;
  memory.copy(to, literals, rest);
  return to + rest;
}

function runStream(count: u32, from: usize, end: usize, last: u32, to: usize, toEnd: usize, first: usize, literals: usize, literalEnd: usize): usize {
  let at = end - 8;
  let used = markBits(last);
  let word = load<u64>(at);
  let literalState = room + LITERAL_TABLE + (peek(word, used, literalBits) << 3);
  used += literalBits;
  let offsetState = room + OFFSET_TABLE + (peek(word, used, offsetBits) << 3);
  used += offsetBits;
  let matchState = room + MATCH_TABLE + (peek(word, used, matchBits) << 3);
  used += matchBits;
  const literalTable = room + LITERAL_TABLE, offsetTable = room + OFFSET_TABLE, matchTable = room + MATCH_TABLE;
  let distanceA = latest, distanceB = second, distanceC = third;
  while (true) {
    at -= used >>> 3;
    used &= 7;
    if (<isize>(at + 8 - from) < 0) return 0;
    word = load<u64>(at);
    const literalExtra: u32 = load<u8>(literalState, 3), offsetExtra: u32 = load<u8>(offsetState, 3), matchExtra: u32 = load<u8>(matchState, 3);
    const offset = load<u32>(offsetState, 4) + peek(word, used, offsetExtra);
    used += offsetExtra;
    // 57 bits are there: mostly enough for all numbers of a sequence and the next states.
    const long = literalExtra + offsetExtra + matchExtra > 30;
    if (long) {
      at -= used >>> 3;
      used &= 7;
      if (<isize>(at + 8 - from) < 0) return 0;
      word = load<u64>(at);
    }
    const length: usize = load<u32>(matchState, 4) + peek(word, used, matchExtra);
    used += matchExtra;
    const literalLength: usize = load<u32>(literalState, 4) + peek(word, used, literalExtra);
    used += literalExtra;

    let distance: usize;
    if (offset > 3) {
      distance = offset - 3;
      distanceC = distanceB;
      distanceB = distanceA;
      distanceA = distance;
    } else {
      const which = offset + u32(literalLength == 0);
      if (which == 1) distance = distanceA;
      else {
        distance = which == 2 ? distanceB : which == 3 ? distanceC : distanceA - 1;
        if (which != 2) distanceC = distanceB;
        distanceB = distanceA;
        distanceA = distance;
      }
    }

    if (literalLength > literalEnd - literals || literalLength + length > toEnd - to) return 0;
    v128.store(to, v128.load(literals));
    if (literalLength > 16) copyWide(to + 16, literals + 16, to + literalLength);
    to += literalLength;
    literals += literalLength;
    if (distance - 1 >= to - first) return 0;
    const near = min<usize>(distance, 16);
    const stride: usize = load<u8>(STRIDES + near);
    v128.store(to, v128.swizzle(v128.load(to - distance), v128.load(PATTERNS + (near << 4))));
    if (length > stride) {
      const matchEnd = to + length;
      // What lies a stride before is the pattern, where it is one.
      const back = max<usize>(distance, stride);
      for (let next = to + stride; next < matchEnd; next += stride) v128.store(next, v128.load(next - back));
    }
    to += length;

    if (--count == 0) break;
    if (long) {
      at -= used >>> 3;
      used &= 7;
      if (<isize>(at + 8 - from) < 0) return 0;
      word = load<u64>(at);
    }
    let bits: u32 = load<u8>(literalState, 2);
    literalState = literalTable + ((load<u16>(literalState) + peek(word, used, bits)) << 3);
    used += bits;
    bits = load<u8>(matchState, 2);
    matchState = matchTable + ((load<u16>(matchState) + peek(word, used, bits)) << 3);
    used += bits;
    bits = load<u8>(offsetState, 2);
    offsetState = offsetTable + ((load<u16>(offsetState) + peek(word, used, bits)) << 3);
    used += bits;
  }
  latest = distanceA;
  second = distanceB;
  third = distanceC;
  return bitsLeft(from, at, used) == 0 ? copyRest(to, toEnd, literals, literalEnd) : 0;
}
