// zstd frames (RFC 8878) for arrays of 4-byte values that are mostly zeros. Each value that is not zero becomes one
// match: the latest earlier place with the same value and at least as many zeros behind it. Zeros that are left become
// a match at distance 1, values seen for the first time literals. Only what is not zero costs time.

import { addSequence, beginSequences, sequenceCount, SEQUENCES_BYTES, writeSequences } from "./zstd/sequences";

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
/** Where literals that no sequence has taken yet begin. */
let anchor: usize = 0;
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

/** Lists where the values that are not zero lie, and behind the last one where all ends. Returns how many there are. */
function findValues(from: usize, end: usize, list: usize): u32 {
  const zero = i32x4.splat(0);
  let overflows = zero;
  let to = list;
  let at = from;
  for (; at + 64 <= end; at += 64) {
    const a = v128.load(at), b = v128.load(at, 16), c = v128.load(at, 32), d = v128.load(at, 48);
    let found: u32 = i32x4.bitmask(i32x4.ne(a, zero)) | (i32x4.bitmask(i32x4.ne(b, zero)) << 4)
      | (i32x4.bitmask(i32x4.ne(c, zero)) << 8) | (i32x4.bitmask(i32x4.ne(d, zero)) << 12);
    overflows = v128.or(v128.or(overflows, v128.or(overflow(a), overflow(b))), v128.or(overflow(c), overflow(d)));
    for (; found != 0; found &= found - 1) {
      store<u32>(to, <u32>at + (ctz(found) << 2));
      to += 4;
    }
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
  anchor = from;
  literalEnd = scratch + LITERALS;
  let place = scratch + LIST;
  const last = place + (<usize>values << 2);
  let at: usize = load<u32>(place);
  if (at > from) takeZeros(from, at);
  while (place < last) {
    place += 4;
    const next: usize = load<u32>(place);
    takeValue(at, next);
    at = next;
  }
  takeLiterals(end);
}

/** The value at `at` and the zeros behind it up to `next`. */
// @ts-ignore: decorator
@inline
function takeValue(at: usize, next: usize): void {
  const value = load<u32>(at);
  const zeros = <u32>(next - at - 4) >> 2;
  const entry = scratch + HASH + ((value * 2654435761) >>> (32 - HASH_BITS)) * ENTRY_BYTES;
  const places = entry + PLACES;
  if (load<u32>(entry) != value) {
    store<u32>(entry, value);
    v128.store(places, i32x4.splat(0));
    v128.store(places, i32x4.splat(0), 16);
  }
  // From the class that is sure to cover all zeros down to one that covers some.
  let place = places + ((u32(zeros > 0) + u32(zeros > 4) + u32(zeros > 16)) << 3);
  while (load<u32>(place) == 0 && place > places) place -= 8;
  const found: usize = load<u32>(place);
  const covered = min(zeros, load<u32>(place, 4));
  const latest = <u64>at | (<u64>zeros << 32);
  store<u64>(places, latest);
  store<u64>(select(places + 8, scratch + NOWHERE, zeros >= 4), latest);
  store<u64>(select(places + 16, scratch + NOWHERE, zeros >= 16), latest);
  store<u64>(select(places + 24, scratch + NOWHERE, zeros >= 64), latest);
  let reached = at + 4;
  if (found != 0) {
    reached += covered << 2;
    takeMatch(at, <u32>(reached - at), <u32>(at - found));
  }
  if (reached < next) takeZeros(reached, next);
}

/** Zeros copy the byte before them; where that is not zero, the first of them is a literal. */
// @ts-ignore: decorator
@inline
function takeZeros(at: usize, next: usize): void {
  const first = at > frame && load<u8>(at - 1) == 0 ? at : at + 1;
  takeMatch(first, <u32>(next - first), 1);
}

// @ts-ignore: decorator
@inline
function takeMatch(at: usize, length: u32, distance: u32): void {
  const literals = <u32>(at - anchor);
  takeLiterals(at);
  addSequence(literals, length, distance);
  anchor = at + length;
}

// @ts-ignore: decorator
@inline
function takeLiterals(end: usize): void {
  const count = end - anchor;
  if (count == 0) return;
  if (count <= 16) v128.store(literalEnd, v128.load(anchor));
  else memory.copy(literalEnd, anchor, count);
  literalEnd += count;
}
