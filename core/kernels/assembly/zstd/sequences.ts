// The sequences of one zstd block (RFC 8878, section 3.1.1.3.2): literals to copy, then a match to copy from earlier.

import { addBits, closeBits, flushBits, openBits } from "./bits";
import { accuracy, buildSingle, buildTable, encodeSymbol, firstState, highBit, normalize, SYMBOLS, TABLE_BYTES, writeDescription } from "./fse";

/** Every sequence makes at least one word of a block. */
export const MAX_SEQUENCES: u32 = 32768;
export const SEQUENCE_BYTES: u32 = 16;
const LITERAL_LENGTHS: u32 = 0, OFFSETS: u32 = 1, MATCH_LENGTHS: u32 = 2;
const KINDS: u32 = 3;

const COUNTS: u32 = MAX_SEQUENCES * SEQUENCE_BYTES;
const TABLES: u32 = COUNTS + KINDS * SYMBOLS * 4;
const NORM: u32 = TABLES + KINDS * TABLE_BYTES;
const STARTS: u32 = NORM + SYMBOLS * 4;
const SPREAD: u32 = STARTS + SYMBOLS * 4;
/** Bytes of scratch that sequences and their tables take. */
export const SEQUENCES_BYTES: u32 = SPREAD + 512;

/** Code of a literal length below 64. */
const SHORT_LITERAL_CODES: usize = memory.data<u8>([
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 16, 17, 17, 18, 18, 19, 19, 20, 20, 20, 20, 21, 21, 21, 21,
  22, 22, 22, 22, 22, 22, 22, 22, 23, 23, 23, 23, 23, 23, 23, 23, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24,
]);
const LITERAL_EXTRA: usize = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
]);
/** Code of a match length - 3 below 128. */
const SHORT_MATCH_CODES: usize = memory.data<u8>([
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
  32, 32, 33, 33, 34, 34, 35, 35, 36, 36, 36, 36, 37, 37, 37, 37, 38, 38, 38, 38, 38, 38, 38, 38, 39, 39, 39, 39, 39, 39, 39, 39,
  40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41,
  42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42, 42,
]);
const MATCH_EXTRA: usize = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
]);

let room: usize = 0;
let sequences: u32 = 0;

/** Begins a block; `scratch` has SEQUENCES_BYTES bytes. */
export function beginSequences(scratch: usize): void {
  room = scratch;
  sequences = 0;
  memory.fill(room + COUNTS, 0, KINDS * SYMBOLS * 4);
}

/** Where the first sequence goes; each takes SEQUENCE_BYTES. */
export function firstSequence(): usize {
  return room;
}

/** `end` is where the next sequence would go. */
export function endSequences(end: usize): void {
  sequences = <u32>(end - room) / SEQUENCE_BYTES;
}

export function sequenceCount(): u32 {
  return sequences;
}

/** Writes a sequence to `at`: `literals` bytes, then `length` bytes (at least 3) from `distance` bytes before. */
// @ts-ignore: decorator
@inline
export function addSequence(at: usize, literals: u32, length: u32, distance: u32): void {
  // Offsets 1 to 3 mean earlier offsets; those are never used, so distances begin at 4.
  const offset = distance + 3, match = length - 3;
  const literalCode: u32 = literals < 64 ? load<u8>(SHORT_LITERAL_CODES + literals) : highBit(literals) + 19;
  const matchCode: u32 = match < 128 ? load<u8>(SHORT_MATCH_CODES + match) : highBit(match) + 36;
  const offsetCode = highBit(offset);
  count(LITERAL_LENGTHS, literalCode);
  count(OFFSETS, offsetCode);
  count(MATCH_LENGTHS, matchCode);
  store<u32>(at, literals);
  store<u32>(at, match, 4);
  store<u32>(at, offset, 8);
  store<u32>(at, literalCode | (offsetCode << 8) | (matchCode << 16), 12);
}

// @ts-ignore: decorator
@inline
function count(kind: u32, code: u32): void {
  const at = room + COUNTS + ((kind * SYMBOLS + code) << 2);
  store<u32>(at, load<u32>(at) + 1);
}

/** Writes the sequences section of the block; returns where the next byte goes. There must be a sequence. */
export function writeSequences(to: usize): usize {
  let at = writeCount(to);
  const modes = at++;
  const literalLog = accuracy(sequences, 9), offsetLog = accuracy(sequences, 8), matchLog = accuracy(sequences, 9);
  let mode: u32 = 0;
  let single = onlySymbol(LITERAL_LENGTHS);
  at = writeTable(at, LITERAL_LENGTHS, literalLog, single);
  mode |= (single < 0 ? 2 : 1) << 6;
  const literalBits: u32 = single < 0 ? literalLog : 0;
  single = onlySymbol(OFFSETS);
  at = writeTable(at, OFFSETS, offsetLog, single);
  mode |= (single < 0 ? 2 : 1) << 4;
  const offsetBits: u32 = single < 0 ? offsetLog : 0;
  single = onlySymbol(MATCH_LENGTHS);
  at = writeTable(at, MATCH_LENGTHS, matchLog, single);
  mode |= (single < 0 ? 2 : 1) << 2;
  const matchBits: u32 = single < 0 ? matchLog : 0;
  store<u8>(modes, <u8>mode);
  return writeStream(at, literalBits, offsetBits, matchBits);
}

function writeCount(at: usize): usize {
  if (sequences < 128) {
    store<u8>(at, <u8>sequences);
    return at + 1;
  }
  if (sequences < 0x7f00) {
    store<u8>(at, <u8>((sequences >> 8) + 128));
    store<u8>(at, <u8>sequences, 1);
    return at + 2;
  }
  store<u8>(at, 255);
  store<u16>(at, <u16>(sequences - 0x7f00), 1);
  return at + 3;
}

/** The symbol of all sequences, or -1 where there are several. */
function onlySymbol(kind: u32): i32 {
  for (let s: u32 = 0; s < SYMBOLS; s++) {
    const found = load<u32>(room + COUNTS + ((kind * SYMBOLS + s) << 2));
    if (found > 0) return found == sequences ? s : -1;
  }
  return -1;
}

// @ts-ignore: decorator
@inline
function tableOf(kind: u32): usize {
  return room + TABLES + kind * TABLE_BYTES;
}

function writeTable(at: usize, kind: u32, log: u32, single: i32): usize {
  if (single >= 0) {
    buildSingle(tableOf(kind), single);
    store<u8>(at, <u8>single);
    return at + 1;
  }
  normalize(room + COUNTS + kind * SYMBOLS * 4, room + NORM, sequences, log);
  buildTable(tableOf(kind), room + NORM, log, room + SPREAD, room + STARTS);
  return writeDescription(at, room + NORM, log);
}

/** Sequences are written from the last to the first, because decoders read the stream backwards. */
function writeStream(to: usize, literalBits: u32, offsetBits: u32, matchBits: u32): usize {
  const literalTable = tableOf(LITERAL_LENGTHS), offsetTable = tableOf(OFFSETS), matchTable = tableOf(MATCH_LENGTHS);
  openBits(to);
  let at = room + (sequences - 1) * SEQUENCE_BYTES;
  let codes = load<u32>(at, 12);
  let matchState = firstState(matchTable, codes >> 16);
  let offsetState = firstState(offsetTable, (codes >> 8) & 255);
  let literalState = firstState(literalTable, codes & 255);
  addExtraBits(at, codes);
  while (at > room) {
    at -= SEQUENCE_BYTES;
    codes = load<u32>(at, 12);
    offsetState = encodeSymbol(offsetTable, offsetState, (codes >> 8) & 255);
    matchState = encodeSymbol(matchTable, matchState, codes >> 16);
    literalState = encodeSymbol(literalTable, literalState, codes & 255);
    addExtraBits(at, codes);
  }
  addBits(matchState, matchBits);
  addBits(offsetState, offsetBits);
  addBits(literalState, literalBits);
  flushBits();
  addBits(1, 1);
  return closeBits();
}

/** At most 16 + 16 + 24 bits, after at most 7 + 26 of the states; mostly all fit into one word. */
// @ts-ignore: decorator
@inline
function addExtraBits(at: usize, codes: u32): void {
  const literalBits: u32 = load<u8>(LITERAL_EXTRA + (codes & 255));
  const matchBits: u32 = load<u8>(MATCH_EXTRA + (codes >> 16));
  const offsetBits = (codes >> 8) & 255;
  const fits = literalBits + matchBits + offsetBits <= 31;
  if (!fits) flushBits();
  addBits(load<u32>(at), literalBits);
  addBits(load<u32>(at, 4), matchBits);
  if (!fits) flushBits();
  addBits(load<u32>(at, 8), offsetBits);
  flushBits();
}
