// Bit streams of zstd that are read from their end (RFC 8878, section 4.1.2). A reader is a word of 64 bits, the address
// that it was loaded from, and how many of its bits, from the highest, are used up. Words may reach below the stream: the
// host leaves room there, and whoever reads checks `bitsLeft`.

/** Bits of the last byte that come before the stream's own: zeros, and the one that marks the end. The byte is not 0. */
// @ts-ignore: decorator
@inline
export function markBits(last: u32): u32 {
  return clz(last) - 23;
}

/** The next `bits` bits (0 to 57) of a word of which `used` are used up. */
// @ts-ignore: decorator
@inline
export function peek(word: u64, used: u32, bits: u32): u32 {
  return <u32>(((word << used) >> 1) >> (63 - bits));
}

/** How many bits of the stream from `start` on are left. */
// @ts-ignore: decorator
@inline
export function bitsLeft(start: usize, at: usize, used: u32): i32 {
  return (<i32>(at - start) << 3) + 64 - <i32>used;
}
