// zstd frames (RFC 8878) for arrays of 4-byte values that are mostly zeros. Each value that is not zero becomes one
// match: the latest earlier place with the same value and at least as many zeros behind it. Zeros that are left become
// a match at distance 1, values seen for the first time literals. Only what is not zero costs time.

import { addSequence, beginSequences, endSequences, firstSequence, SEQUENCE_BYTES, sequenceCount, SEQUENCES_BYTES, writeSequences } from "./zstd/sequences";

const MAX_BLOCK: u32 = 131072;
const RAW: u32 = 0, RLE: u32 = 1, COMPRESSED: u32 = 2;

/** Latest places per value, by the zeros that follow at least: none, 4, 16, 64. Each is an address and its zeros. */
const HASH_BITS: u32 = 12;
const CLASSES: u32 = 4;
const PLACES: u32 = 16;
const ENTRY_BYTES: u32 = PLACES + CLASSES * 8;
const HASH_BYTES: u32 = ENTRY_BYTES << HASH_BITS;

const HASH: u32 = 0;
/** Where a place is written to that belongs to no class. */
const NOWHERE: u32 = HASH + HASH_BYTES;
const LIST: u32 = NOWHERE + 16;
const LITERALS: u32 = LIST + MAX_BLOCK + 16;
const SEQUENCES: u32 = LITERALS + MAX_BLOCK + 16;
const SCRATCH_BYTES: u32 = SEQUENCES + SEQUENCES_BYTES;

let scratch: usize = 0;
let frame: usize = 0;
let literalEnd: usize = 0;
let finite = true;

/** Bytes of scratch that `encode` needs. */
export function scratchBytes(): u32 {
  return SCRATCH_BYTES;
}

/** Bytes that a frame may take while it is written. */
export function targetBytes(sourceBytes: u32): u32 {
  return sourceBytes + (sourceBytes / MAX_BLOCK + 1) * 3 + 4 * MAX_BLOCK + 64;
}

/** Encodes `bytes` bytes (a multiple of 4, above 0) at `source`; returns the size of the frame at `target`. */
export function encode(source: usize, bytes: u32, target: usize, work: usize): u32 {
  scratch = work;
  frame = source;
  finite = true;
  memory.fill(scratch + HASH, 0, HASH_BYTES);
  store<u32>(target, 0xfd2fb528);
  // One segment, content size in 4 bytes, no checksum.
  store<u8>(target, 0xa0, 4);
  store<u32>(target, bytes, 5);
  let to = target + 9;
  for (let done: u32 = 0; done < bytes; done += MAX_BLOCK) {
    const size = min(MAX_BLOCK, bytes - done);
    to = writeBlock(source + done, size, to, done + size == bytes);
  }
  return <u32>(to - target);
}

/** Whether what was encoded last holds neither NaN nor infinity. */
export function isFinite(): bool {
  return finite;
}

function writeBlock(from: usize, size: u32, to: usize, last: bool): usize {
  const end = from + size;
  const values = findValues(from, end, scratch + LIST);
  if (values == 0) {
    writeHeader(to, last, RLE, size);
    store<u8>(to, 0, 3);
    return to + 4;
  }
  tokenize(from, values, end);
  if (sequenceCount() > 0) {
    const written = writeSequences(writeLiterals(to + 3));
    const compressed = <u32>(written - to - 3);
    if (compressed < size) {
      writeHeader(to, last, COMPRESSED, compressed);
      return written;
    }
  }
  writeHeader(to, last, RAW, size);
  memory.copy(to + 3, from, size);
  return to + 3 + size;
}

// @ts-ignore: decorator
@inline
function writeHeader(to: usize, last: bool, type: u32, size: u32): void {
  const header = u32(last) | (type << 1) | (size << 3);
  store<u16>(to, <u16>header);
  store<u8>(to, <u8>(header >> 16), 2);
}

function writeLiterals(to: usize): usize {
  const size = <u32>(literalEnd - scratch - LITERALS);
  if (size < 32) {
    store<u8>(to, <u8>(size << 3));
    to += 1;
  } else if (size < 4096) {
    store<u16>(to, <u16>(4 | (size << 4)));
    to += 2;
  } else {
    store<u32>(to, 12 | (size << 4));
    to += 3;
  }
  memory.copy(to, scratch + LITERALS, size);
  return to + size;
}

/** For each set of four values, where those that are not zero lie among them. */
const PLACES_OF: usize = memory.data<u32>([
  0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 4, 0, 0, 8, 0, 0, 0, 0, 8, 0, 0, 4, 8, 0, 0, 0, 4, 8, 0,
  12, 0, 0, 0, 0, 12, 0, 0, 4, 12, 0, 0, 0, 4, 12, 0, 8, 12, 0, 0, 0, 8, 12, 0, 4, 8, 12, 0, 0, 4, 8, 12,
], 16);

/** Lists where the values that are not zero lie, and behind the last one where all ends. Returns how many there are. */
function findValues(from: usize, end: usize, list: usize): u32 {
  const zero = i32x4.splat(0);
  let overflows = zero;
  let to = list;
  let at = from;
  for (; at + 16 <= end; at += 16) {
    const four = v128.load(at);
    const found: u32 = i32x4.bitmask(i32x4.ne(four, zero));
    overflows = v128.or(overflows, overflow(four));
    v128.store(to, i32x4.add(i32x4.splat(<u32>at), v128.load(PLACES_OF + (found << 4))));
    to += <usize>popcnt(found) << 2;
  }
  for (; at < end; at += 4) {
    if (load<u32>(at) == 0) continue;
    overflows = v128.or(overflows, overflow(i32x4.splat(load<u32>(at))));
    store<u32>(to, <u32>at);
    to += 4;
  }
  if (i32x4.bitmask(overflows) != 0) finite = false;
  store<u32>(to, <u32>end);
  return <u32>(to - list) >> 2;
}

/** Negative where a value is NaN or infinite: its exponent is all ones, and one more is carried into the sign. */
// @ts-ignore: decorator
@inline
function overflow(values: v128): v128 {
  return i32x4.add(v128.and(values, i32x4.splat(0x7fffffff)), i32x4.splat(0x00800000));
}

function tokenize(from: usize, values: u32, end: usize): void {
  beginSequences(scratch + SEQUENCES);
  const hash = scratch + HASH, nowhere = scratch + NOWHERE;
  let sequence = firstSequence();
  // Literals that no sequence has taken yet begin at the anchor.
  let anchor = from;
  let literals = scratch + LITERALS;
  let place = scratch + LIST;
  const last = place + (<usize>values << 2);
  let at: usize = load<u32>(place);
  if (at > from) {
    const zeros = firstZero(from);
    takeLiterals(anchor, zeros, literals);
    literals += zeros - anchor;
    addSequence(sequence, <u32>(zeros - anchor), <u32>(at - zeros), 1);
    sequence += SEQUENCE_BYTES;
    anchor = at;
  }
  while (place < last) {
    place += 4;
    const next: usize = load<u32>(place);
    const value = load<u32>(at);
    const zeros = <u32>(next - at - 4) >> 2;
    const entry = hash + ((value * 2654435761) >>> (32 - HASH_BITS)) * ENTRY_BYTES;
    const places = entry + PLACES;
    if (load<u32>(entry) != value) {
      store<u32>(entry, value);
      v128.store(places, i32x4.splat(0));
      v128.store(places, i32x4.splat(0), 16);
    }
    // The class that is sure to cover all zeros, or the nearest below it that has a place: lower ones then have, too.
    const wanted = u32(zeros > 0) + u32(zeros > 4) + u32(zeros > 16);
    const known = u32(load<u32>(places, 8) != 0) + u32(load<u32>(places, 16) != 0) + u32(load<u32>(places, 24) != 0);
    const nearest = places + (min(wanted, known) << 3);
    const found: usize = load<u32>(nearest);
    const covered = min(zeros, load<u32>(nearest, 4));
    const latest = <u64>at | (<u64>zeros << 32);
    store<u64>(places, latest);
    store<u64>(select(places + 8, nowhere, zeros >= 4), latest);
    store<u64>(select(places + 16, nowhere, zeros >= 16), latest);
    store<u64>(select(places + 24, nowhere, zeros >= 64), latest);
    let reached = at + 4;
    if (found != 0) {
      reached += covered << 2;
      takeLiterals(anchor, at, literals);
      literals += at - anchor;
      addSequence(sequence, <u32>(at - anchor), <u32>(reached - at), <u32>(at - found));
      sequence += SEQUENCE_BYTES;
      anchor = reached;
    }
    if (reached < next) {
      const left = firstZero(reached);
      takeLiterals(anchor, left, literals);
      literals += left - anchor;
      addSequence(sequence, <u32>(left - anchor), <u32>(next - left), 1);
      sequence += SEQUENCE_BYTES;
      anchor = next;
    }
    at = next;
  }
  takeLiterals(anchor, end, literals);
  literalEnd = literals + (end - anchor);
  endSequences(sequence);
}

/** Zeros copy the byte before them; where that is not zero, the first of them is a literal. */
// @ts-ignore: decorator
@inline
function firstZero(at: usize): usize {
  return at > frame && load<u8>(at - 1) == 0 ? at : at + 1;
}

// @ts-ignore: decorator
@inline
function takeLiterals(from: usize, end: usize, to: usize): void {
  v128.store(to, v128.load(from));
  if (end - from > 16) memory.copy(to, from, end - from);
}
