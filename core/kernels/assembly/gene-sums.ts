// Sums of expression and of its squares over the rows of a sparse matrix, gene by gene. The host
// (core/kernels/gene-sums.ts) lays out the memory.

/** Values seen lately are looked up by their bits: a cell's values repeat, since its counts do. */
const CACHE_SHIFT: u32 = 20;

const LN2_HIGH: f64 = 0.6931471803691238;
const LN2_LOW: f64 = 1.9082149292705877e-10;
const INVERSE_LN2: f64 = 1.4426950408889634;
const OVERFLOW: f64 = 709.782712893384;
const Q1: f64 = -0.03333333333333313;
const Q2: f64 = 0.0015873015872548146;
const Q3: f64 = -7.93650757867488e-5;
const Q4: f64 = 4.008217827329362e-6;
const Q5: f64 = -2.0109921818362437e-7;

// @ts-ignore: decorator
@inline
function highWord(x: f64): i32 {
  return <i32>(reinterpret<u64>(x) >>> 32);
}

// @ts-ignore: decorator
@inline
function withHighWord(x: f64, high: i32): f64 {
  return reinterpret<f64>((reinterpret<u64>(x) & 0xffffffff) | ((<u64>(<u32>high)) << 32));
}

function scale(y: f64, exponent: i32): f64 {
  if (exponent == 1024) return y * 2.0 * 8.98846567431158e307;
  return y * withHighWord(1.0, (0x3ff + exponent) << 20);
}

/** The same steps as core/kernels/exp.ts, whose origin and terms stand there. */
function expm1(x: f64): f64 {
  if (x != x) return x;
  if (x > OVERFLOW) return Infinity;
  const magnitude = highWord(x) & 0x7fffffff;
  if (x < 0.0 && magnitude >= 0x4043687a) return -1.0;
  if (magnitude < 0x3c900000) return x;

  let exponent: i32 = 0;
  let reduced = x;
  let correction: f64 = 0.0;
  if (magnitude > 0x3fd62e42) {
    if (magnitude < 0x3ff0a2b2) exponent = x > 0.0 ? 1 : -1;
    else exponent = <i32>(INVERSE_LN2 * x + (x > 0.0 ? 0.5 : -0.5));
    const high = x - <f64>exponent * LN2_HIGH;
    const low = <f64>exponent * LN2_LOW;
    reduced = high - low;
    correction = high - reduced - low;
  }

  const half = 0.5 * reduced;
  const square = reduced * half;
  const r = 1.0 + square * (Q1 + square * (Q2 + square * (Q3 + square * (Q4 + square * Q5))));
  const t = 3.0 - r * half;
  let e = square * ((r - t) / (6.0 - reduced * t));
  if (exponent == 0) return reduced - (reduced * e - square);
  e = reduced * (e - correction) - correction - square;
  if (exponent == -1) return 0.5 * (reduced - e) - 0.5;
  if (exponent == 1) return reduced < -0.25 ? -2.0 * (e - (reduced + 0.5)) : 1.0 + 2.0 * (reduced - e);
  if (exponent <= -2 || exponent > 56) return scale(1.0 - (e - reduced), exponent) - 1.0;
  if (exponent < 20) {
    return scale(withHighWord(1.0, 0x3ff00000 - (0x200000 >> exponent)) - (e - reduced), exponent);
  }
  return scale(reduced - (e + withHighWord(1.0, (0x3ff - exponent) << 20)) + 1.0, exponent);
}

/** Fills a slot of the cache with v = float32(expm1(x)) and float32(v * v). */
function remember(keys: usize, cached: usize, slot: u32, key: u32): void {
  const value = <f64>(<f32>expm1(<f64>reinterpret<f32>(key)));
  store<u32>(keys + (<usize>slot << 2), key);
  const pair = cached + (<usize>slot << 4);
  store<f64>(pair, value);
  store<f64>(pair, <f64>(<f32>(value * value)), 8);
}

/**
 * Adds rows of log-normalised float32 values to the interleaved (sum, sum of squares) of their genes. The rows lie one
 * after the other: their genes from `genes` on, `ends` says where each ends, and each value lies `toValues` bytes behind
 * its gene. `targets` has the sums that each row belongs to, or 0 for rows that are left out. `keys` and `cached` hold
 * 4,096 values that were seen lately; all zero is a right beginning.
 */
export function addRows(rows: i32, ends: usize, targets: usize, genes: usize, toValues: usize, keys: usize, cached: usize): void {
  for (let row: usize = 0, last: usize = <usize>rows << 2; row < last; row += 4) {
    const end: usize = load<u32>(ends + row);
    const sums: usize = load<u32>(targets + row);
    if (sums == 0) {
      genes = end;
      continue;
    }
    for (; genes + 16 <= end; genes += 16) {
      addValue(genes, 0, toValues, sums, keys, cached);
      addValue(genes, 4, toValues, sums, keys, cached);
      addValue(genes, 8, toValues, sums, keys, cached);
      addValue(genes, 12, toValues, sums, keys, cached);
    }
    for (; genes < end; genes += 4) addValue(genes, 0, toValues, sums, keys, cached);
  }
}

// @ts-ignore: decorator
@inline
function addValue(genes: usize, offset: usize, toValues: usize, sums: usize, keys: usize, cached: usize): void {
  const key = load<u32>(genes + toValues + offset);
  const slot: usize = (key * 0x9e3779b1) >>> CACHE_SHIFT;
  if (load<u32>(keys + (slot << 2)) != key) remember(keys, cached, <u32>slot, key);
  const sum = sums + (<usize>load<u32>(genes + offset) << 4);
  v128.store(sum, f64x2.add(v128.load(sum), v128.load(cached + (slot << 4))));
}
