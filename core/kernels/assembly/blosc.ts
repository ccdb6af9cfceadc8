// Blosc 1 blocks compressed with LZ4, with or without byte shuffle. The host (core/kernels/blosc.ts) lays out the
// memory, checks the header, and leaves SLACK writable bytes behind every area, because copies run 16 bytes wide.

import { copyWide, PATTERNS, STRIDES } from './lz/matches';

const MIN_SPLIT_BYTES: u32 = 128;
const MAX_SPLITS: u32 = 16;

/** Planes of the block being unshuffled: where each one lies. */
const PLANES: usize = memory.data(64, 16);

/** What one short sequence reads and writes at most, rounded up. */
const SHORT_SOURCE: u32 = 32;
const SHORT_TARGET: u32 = 64;

/**
 * True if the LZ4 block [s, sEnd) fills exactly [d, dEnd). Before `sFast` and `dFast` a short sequence certainly fits;
 * they are parameters because the compiler would work them out anew for every sequence.
 */
function lz4(s: usize, sEnd: usize, sFast: usize, d: usize, dEnd: usize, dFast: usize): bool {
  const first = d;
  while (s < sEnd) {
    // Nearly all sequences are short: fewer than 15 literals, a match of at most 18 bytes. They take two wide copies, or
    // three, and no branch that depends on the distance.
    while (s < sFast && d < dFast) {
      const token = load<u8>(s) as u32;
      const literals: usize = token >>> 4;
      const length: usize = token & 15;
      if (literals == 15 || length == 15) break;
      v128.store(d, v128.load(s, 1));
      const at = d + literals;
      s += literals;
      const distance: usize = load<u16>(s, 1);
      s += 3;
      if (distance - 1 >= at - first) return false;
      const near = min<usize>(distance, 16);
      v128.store(at, v128.swizzle(v128.load(at - distance), v128.load(PATTERNS + (near << 4))));
      if (length > 8) v128.store(at + load<u8>(STRIDES + near), v128.load(at + 16 - max<usize>(distance, 16)));
      d = at + length + 4;
    }

    const token = load<u8>(s++) as u32;
    let literals: usize = token >>> 4;
    if (literals == 15) {
      let more: u32 = 255;
      while (more == 255) {
        if (s >= sEnd) return false;
        more = load<u8>(s++);
        literals += more;
      }
    }
    if (literals > 0) {
      if (literals > sEnd - s || literals > dEnd - d) return false;
      if (literals <= 256) copyWide(d, s, d + literals);
      else memory.copy(d, s, literals);
      d += literals;
      s += literals;
    }
    if (s == sEnd) return d == dEnd;
    if (sEnd - s < 2) return false;
    const distance: usize = load<u16>(s);
    s += 2;
    let length: usize = token & 15;
    if (length == 15) {
      let more: u32 = 255;
      while (more == 255) {
        if (s >= sEnd) return false;
        more = load<u8>(s++);
        length += more;
      }
    }
    length += 4;
    if (distance == 0 || distance > d - first || length > dEnd - d) return false;
    const end = d + length;
    if (distance >= 16) {
      copyWide(d, d - distance, end);
    } else {
      const pattern = v128.swizzle(v128.load(d - distance), v128.load(PATTERNS + (distance << 4)));
      const stride: usize = load<u8>(STRIDES + distance);
      do {
        v128.store(d, pattern);
        d += stride;
      } while (d < end);
    }
    d = end;
  }
  return false;
}

// @ts-ignore: decorator
@inline
function plane(k: u32): usize {
  return load<usize>(PLANES + (k << 2));
}

function unshuffle2(to: usize, count: u32): void {
  const a = plane(0), b = plane(1);
  let i: u32 = 0;
  for (; i + 16 <= count; i += 16, to += 32) {
    const x = v128.load(a + i), y = v128.load(b + i);
    v128.store(to, interleaveLow(x, y));
    v128.store(to, interleaveHigh(x, y), 16);
  }
  for (; i < count; i++, to += 2) {
    store<u8>(to, load<u8>(a + i));
    store<u8>(to, load<u8>(b + i), 1);
  }
}

// @ts-ignore: decorator
@inline
function interleaveLow(x: v128, y: v128): v128 {
  return v128.shuffle<u8>(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

// @ts-ignore: decorator
@inline
function interleaveHigh(x: v128, y: v128): v128 {
  return v128.shuffle<u8>(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

function unshuffle4(to: usize, count: u32): void {
  const a = plane(0), b = plane(1), c = plane(2), d = plane(3);
  let i: u32 = 0;
  for (; i + 16 <= count; i += 16, to += 64) {
    const w = v128.load(a + i), x = v128.load(b + i), y = v128.load(c + i), z = v128.load(d + i);
    const wxLow = interleaveLow(w, x), wxHigh = interleaveHigh(w, x);
    const yzLow = interleaveLow(y, z), yzHigh = interleaveHigh(y, z);
    v128.store(to, v128.shuffle<u16>(wxLow, yzLow, 0, 8, 1, 9, 2, 10, 3, 11));
    v128.store(to, v128.shuffle<u16>(wxLow, yzLow, 4, 12, 5, 13, 6, 14, 7, 15), 16);
    v128.store(to, v128.shuffle<u16>(wxHigh, yzHigh, 0, 8, 1, 9, 2, 10, 3, 11), 32);
    v128.store(to, v128.shuffle<u16>(wxHigh, yzHigh, 4, 12, 5, 13, 6, 14, 7, 15), 48);
  }
  for (; i < count; i++, to += 4) {
    store<u8>(to, load<u8>(a + i));
    store<u8>(to, load<u8>(b + i), 1);
    store<u8>(to, load<u8>(c + i), 2);
    store<u8>(to, load<u8>(d + i), 3);
  }
}

/** Eight values at a time: two rounds of interleaving give 4-byte halves, a third joins them. */
function unshuffle8(to: usize, count: u32): void {
  let i: u32 = 0;
  for (; i + 16 <= count; i += 16, to += 128) {
    const a = v128.load(plane(0) + i), b = v128.load(plane(1) + i), c = v128.load(plane(2) + i), d = v128.load(plane(3) + i);
    const e = v128.load(plane(4) + i), f = v128.load(plane(5) + i), g = v128.load(plane(6) + i), h = v128.load(plane(7) + i);
    store8(to, interleaveLow(a, b), interleaveLow(c, d), interleaveLow(e, f), interleaveLow(g, h));
    store8(to + 64, interleaveHigh(a, b), interleaveHigh(c, d), interleaveHigh(e, f), interleaveHigh(g, h));
  }
  for (; i < count; i++, to += 8) {
    for (let k: u32 = 0; k < 8; k++) store<u8>(to + k, load<u8>(plane(k) + i));
  }
}

// @ts-ignore: decorator
@inline
function store8(to: usize, ab: v128, cd: v128, ef: v128, gh: v128): void {
  const low0 = v128.shuffle<u16>(ab, cd, 0, 8, 1, 9, 2, 10, 3, 11), low1 = v128.shuffle<u16>(ab, cd, 4, 12, 5, 13, 6, 14, 7, 15);
  const high0 = v128.shuffle<u16>(ef, gh, 0, 8, 1, 9, 2, 10, 3, 11), high1 = v128.shuffle<u16>(ef, gh, 4, 12, 5, 13, 6, 14, 7, 15);
  v128.store(to, v128.shuffle<u32>(low0, high0, 0, 4, 1, 5));
  v128.store(to, v128.shuffle<u32>(low0, high0, 2, 6, 3, 7), 16);
  v128.store(to, v128.shuffle<u32>(low1, high1, 0, 4, 1, 5), 32);
  v128.store(to, v128.shuffle<u32>(low1, high1, 2, 6, 3, 7), 48);
}

function unshuffleAny(to: usize, count: u32, typeSize: u32): void {
  for (let k: u32 = 0; k < typeSize; k++) {
    const from = plane(k);
    let q = to + k;
    for (let i: u32 = 0; i < count; i++, q += typeSize) store<u8>(q, load<u8>(from + i));
  }
}

/**
 * Decodes the blocks of a whole Blosc buffer at `source` into `target`. `scratch` holds one block. The header was
 * checked by the host: LZ4, no bit shuffle, typeSize 1..16 where shuffled. False if any block is corrupt.
 */
export function decodeBlocks(
  source: usize, sourceBytes: u32, target: usize, targetBytes: u32, scratch: usize,
  blockBytes: u32, typeSize: u32, shuffled: bool, splitAllowed: bool,
): bool {
  const blocks: u32 = (targetBytes + blockBytes - 1) / blockBytes;
  const sourceEnd = source + sourceBytes;
  for (let block: u32 = 0; block < blocks; block++) {
    const start = load<u32>(source + 16 + (block << 2));
    if (start < 16 + (blocks << 2) || start > sourceBytes) return false;
    let p = source + start;
    const done = block * blockBytes;
    const size: u32 = min(blockBytes, targetBytes - done);
    const split = splitAllowed && size == blockBytes && typeSize <= MAX_SPLITS && size / typeSize >= MIN_SPLIT_BYTES;
    if (split && size % typeSize != 0) return false;
    const parts: u32 = split ? typeSize : 1;
    const partBytes: u32 = size / parts;
    const out = shuffled ? scratch : target + done;
    for (let part: u32 = 0; part < parts; part++) {
      if (sourceEnd - p < 4) return false;
      const packed = load<u32>(p);
      p += 4;
      if (packed > <u32>(sourceEnd - p)) return false;
      const at = out + part * partBytes;
      let lies = at;
      if (packed == partBytes) {
        if (shuffled) lies = p;
        else memory.copy(at, p, packed);
      } else if (!lz4(p, p + packed, p + packed - min(packed, SHORT_SOURCE), at, at + partBytes, at + partBytes - min(partBytes, SHORT_TARGET))) return false;
      if (split) store<usize>(PLANES + (part << 2), lies);
      else for (let k: u32 = 0, step = size / typeSize; k < typeSize && k < MAX_SPLITS; k++) store<usize>(PLANES + (k << 2), lies + k * step);
      p += packed;
    }
    if (shuffled) {
      const to = target + done, count = size / typeSize;
      if (typeSize == 4) unshuffle4(to, count);
      else if (typeSize == 8) unshuffle8(to, count);
      else if (typeSize == 2) unshuffle2(to, count);
      else unshuffleAny(to, count, typeSize);
      const rest = size - count * typeSize;
      if (rest > 0) memory.copy(to + count * typeSize, plane(0) + count * typeSize, rest);
    }
  }
  return true;
}
