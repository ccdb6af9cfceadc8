// zstd frames (RFC 8878) for arrays of 4-byte values that are mostly zeros. Each value that is not zero becomes one
// match: the latest earlier place with the same value and at least as many zeros behind it. Zeros that are left become
// a match at distance 1, values seen for the first time literals. Only what is not zero costs time.

import { addSequence, beginSequences, sequenceCount, SEQUENCES_BYTES, writeSequences } from "./zstd/sequences";

const MAX_BLOCK: u32 = 131072;
const RAW: u32 = 0, RLE: u32 = 1, COMPRESSED: u32 = 2;

/** Latest places per value, by the zeros that follow at least: none, 4, 16, 64. */
const HASH_BITS: u32 = 12;
const CLASSES: u32 = 4;
const HASH_BYTES: u32 = (CLASSES * 4) << HASH_BITS;

const HASH: u32 = 0;
const LITERALS: u32 = HASH_BYTES;
const SEQUENCES: u32 = LITERALS + MAX_BLOCK + 16;
const SCRATCH_BYTES: u32 = SEQUENCES + SEQUENCES_BYTES;

let scratch: usize = 0;
let frame: usize = 0;
/** Where literals that no sequence has taken yet begin. */
let anchor: usize = 0;
let literalEnd: usize = 0;

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

function writeBlock(from: usize, size: u32, to: usize, last: bool): usize {
  const end = from + size;
  if (nextNonZero(from, end) == end) {
    writeHeader(to, last, RLE, size);
    store<u8>(to, 0, 3);
    return to + 4;
  }
  tokenize(from, end);
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

function tokenize(from: usize, end: usize): void {
  beginSequences(scratch + SEQUENCES);
  anchor = from;
  literalEnd = scratch + LITERALS;
  let at = from;
  while (at < end) {
    if (load<u32>(at) == 0) at = takeZeros(at, nextNonZero(at, end));
    else at = takeValue(at, nextNonZero(at + 4, end));
  }
  takeLiterals(end);
}

/** The value at `at` and the zeros behind it up to `next`. */
// @ts-ignore: decorator
@inline
function takeValue(at: usize, next: usize): usize {
  const value = load<u32>(at);
  const zeros = <u32>(next - at - 4) >> 2;
  const places = scratch + HASH + ((value * 2654435761) >>> (32 - HASH_BITS)) * (CLASSES * 4);
  let reached = at + 4;
  let found: usize = 0;
  // From the class that is sure to cover all zeros down to one that covers some.
  for (let c: i32 = zeros == 0 ? 0 : zeros <= 4 ? 1 : zeros <= 16 ? 2 : 3; c >= 0; c--) {
    const place = load<u32>(places + (c << 2));
    if (place == 0 || load<u32>(place) != value) continue;
    found = place;
    break;
  }
  if (found != 0) {
    reached = zerosEnd(found + 4, reached, next);
    takeMatch(at, <u32>(reached - at), <u32>(at - found));
  }
  store<u32>(places, <u32>at);
  if (zeros >= 4) store<u32>(places, <u32>at, 4);
  if (zeros >= 16) store<u32>(places, <u32>at, 8);
  if (zeros >= 64) store<u32>(places, <u32>at, 12);
  return reached < next ? takeZeros(reached, next) : next;
}

/** How far the zeros from `to` (up to `end`) are zeros at `from` too. */
// @ts-ignore: decorator
@inline
function zerosEnd(from: usize, to: usize, end: usize): usize {
  while (to + 16 <= end && !v128.any_true(v128.load(from))) {
    from += 16;
    to += 16;
  }
  while (to < end && load<u32>(from) == 0) {
    from += 4;
    to += 4;
  }
  return to;
}

/** Zeros copy the byte before them; where that is not zero, the first of them is a literal. */
// @ts-ignore: decorator
@inline
function takeZeros(at: usize, next: usize): usize {
  const first = at > frame && load<u8>(at - 1) == 0 ? at : at + 1;
  takeMatch(first, <u32>(next - first), 1);
  return next;
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

// @ts-ignore: decorator
@inline
function nextNonZero(at: usize, end: usize): usize {
  while (at + 16 <= end && !v128.any_true(v128.load(at))) at += 16;
  while (at < end && load<u32>(at) == 0) at += 4;
  return at;
}
