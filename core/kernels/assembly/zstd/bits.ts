// Little-endian bit stream of zstd: bits fill bytes from the lowest one up. One stream is open at a time.

let target: usize = 0;
let pending: u64 = 0;
let count: u32 = 0;

export function openBits(at: usize): void {
  target = at;
  pending = 0;
  count = 0;
}

/** Adds the low `bits` bits of `value`; at most 56 between two calls of `flushBits`. */
// @ts-ignore: decorator
@inline
export function addBits(value: u64, bits: u32): void {
  pending |= (value & ((<u64>1 << bits) - 1)) << count;
  count += bits;
}

// @ts-ignore: decorator
@inline
export function flushBits(): void {
  store<u64>(target, pending);
  const bytes = count >>> 3;
  target += bytes;
  pending = bytes == 8 ? 0 : pending >> (<u64>bytes << 3);
  count &= 7;
}

/** Ends the stream, filled up with zero bits; returns where the next byte goes. */
export function closeBits(): usize {
  flushBits();
  if (count > 0) {
    store<u8>(target, <u8>pending);
    target++;
  }
  return target;
}
