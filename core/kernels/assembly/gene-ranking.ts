// Rows of counts as the codes of their columns, largest scaled count first. The host (core/kernels/gene-ranking.ts) lays
// out the memory and says what a column is worth.

/** Two digits of the radix sort; they hold the leading bits in which the values of a row differ. */
const DIGIT_BITS: u32 = 10;
const DIGITS: u32 = 1 << DIGIT_BITS;
const MASK: u32 = DIGITS - 1;
/** An entry of the order that is being made: a digit above the position of its value. */
const POSITION_BITS: u32 = 32 - DIGIT_BITS;
const POSITION_MASK: u32 = (1 << POSITION_BITS) - 1;

/** Codes from here on are not written: they count the sums of several columns. */
const FIRST_SUM: i32 = 0x10000;

// Areas, laid out once.
let columnTable: usize = 0;
let sumTable: usize = 0;
let sums: usize = 0;
let sumCount: i32 = 0;
let scaledValues: usize = 0;
let keys: usize = 0;
let codes: usize = 0;
let digitCounts: usize = 0;
let order: usize = 0;
let nextOrder: usize = 0;

// How numpy and scipy round.
let targetSum: f64 = 0;
let sparse: bool = false;
let float32Products: bool = false;

/**
 * `columns` and `sumColumns` hold 16 bytes for each column and each sum: what its scaled count is multiplied (sparse) or
 * divided by, as f64, and its code, as i32: below 0 for columns that are left out, from FIRST_SUM on for those that are
 * summed. `sumArea` has 8 bytes for each sum, all zero; `counts` has 8,192; `room` has 22 for each of the `capacity`
 * values of a row.
 */
export function layOut(
  columns: usize, sumColumns: usize, numberOfSums: i32, sumArea: usize, counts: usize, room: usize, capacity: usize,
  target: f64, isSparse: bool, roundsToFloat32: bool,
): void {
  columnTable = columns;
  sumTable = sumColumns;
  sumCount = numberOfSums;
  sums = sumArea;
  digitCounts = counts;
  scaledValues = room;
  keys = room + 8 * capacity;
  order = keys + 4 * capacity;
  nextOrder = order + 4 * capacity;
  codes = nextOrder + 4 * capacity;
  targetSum = target;
  sparse = isSparse;
  float32Products = roundsToFloat32;
}

/** Whether all `length` values are counts: whole, finite, 0 or more. */
export function areCounts(values: usize, length: i32): bool {
  const end = values + (<usize>length << 3);
  const limit = f64x2.splat(Infinity);
  let right = i64x2.splat(-1);
  for (; values + 16 <= end; values += 16) {
    const pair = v128.load(values);
    right = v128.and(right, v128.and(f64x2.eq(f64x2.floor(pair), f64x2.abs(pair)), f64x2.lt(pair, limit)));
  }
  if (!i64x2.all_true(right)) return false;
  if (values == end) return true;
  const last = load<f64>(values);
  return floor(last) == abs(last) && last < Infinity;
}

/** Sum of `length` values, which are counts: exact, whatever the order, up to 2^53. */
export function sumOf(values: usize, length: i32): f64 {
  const end = values + (<usize>length << 3);
  let first = f64x2.splat(0);
  let second = f64x2.splat(0);
  for (; values + 32 <= end; values += 32) {
    first = f64x2.add(first, v128.load(values));
    second = f64x2.add(second, v128.load(values, 16));
  }
  first = f64x2.add(first, second);
  let sum = f64x2.extract_lane(first, 0) + f64x2.extract_lane(first, 1);
  for (; values < end; values += 8) sum += load<f64>(values);
  return sum;
}

/**
 * Writes the codes of the columns of one row to `out`, largest value first and at most `most`, and returns how many
 * columns count. Equal values keep the order of columns, sums stand behind all others.
 * @param indices columns of the `length` values; unused where the matrix is dense
 * @param factor what counts are multiplied (sparse) or divided by
 */
export function rankRow(indices: usize, values: usize, length: i32, factor: f64, most: i32, out: usize): i32 {
  let found: i32;
  if (!sparse) found = gather(indices, values, length, factor, false, float32Products);
  else if (float32Products) found = gather(indices, values, length, factor, true, true);
  else found = gather(indices, values, length, factor, true, false);
  if (sumCount > 0) found = gatherSums(found, factor);
  if (found == 0) return 0;
  sortDescending(found);
  const kept = min(found, most);
  for (let rank: i32 = 0; rank < kept; rank++) {
    store<u16>(out + (<usize>rank << 1), load<u16>(codes + (<usize>load<u32>(order + (<usize>rank << 2)) << 1)));
  }
  return found;
}

// @ts-ignore: decorator
@inline
function scaled(count: f64, factor: f64, worth: f64, isSparse: bool, rounds: bool): f64 {
  let value = isSparse ? count * factor : count / factor;
  if (rounds) value = <f64>(<f32>value);
  value *= targetSum;
  if (rounds) value = <f64>(<f32>value);
  return isSparse ? value * worth : value / worth;
}

// @ts-ignore: decorator
@inline
function gather(indices: usize, values: usize, length: i32, factor: f64, isSparse: bool, rounds: bool): i32 {
  let found: i32 = 0;
  for (let at: i32 = 0; at < length; at++) {
    const column: usize = isSparse ? load<u32>(indices + (<usize>at << 2)) : at;
    const entry = columnTable + (column << 4);
    const code = load<i32>(entry, 8);
    const count = load<f64>(values + (<usize>at << 3));
    if (!isSparse && count == 0) continue;
    if (code >= FIRST_SUM) {
      const sum = sums + (<usize>(code - FIRST_SUM) << 3);
      store<f64>(sum, load<f64>(sum) + count);
      continue;
    }
    // Columns that are left out are written, too, and overwritten: whether one is cannot be foreseen.
    store<f64>(scaledValues + (<usize>found << 3), scaled(count, factor, load<f64>(entry), isSparse, rounds));
    store<u16>(codes + (<usize>found << 1), <u16>code);
    found += i32(code >= 0);
  }
  return found;
}

/** A sum of 0 is no column of the row. */
function gatherSums(found: i32, factor: f64): i32 {
  for (let at: i32 = 0; at < sumCount; at++) {
    const count = load<f64>(sums + (<usize>at << 3));
    if (count == 0) continue;
    store<f64>(sums + (<usize>at << 3), 0);
    const entry = sumTable + (<usize>at << 4);
    store<f64>(scaledValues + (<usize>found << 3), scaled(count, factor, load<f64>(entry), sparse, float32Products));
    store<u16>(codes + (<usize>found << 1), <u16>load<i32>(entry, 8));
    found++;
  }
  return found;
}

/** Positions of values, largest first, into `order`: a radix sort by leading bits, then insertions by all of them. */
function sortDescending(length: i32): void {
  const values = scaledValues;
  // Keys ascend where values descend.
  let least: u32 = u32.MAX_VALUE;
  let largest: u32 = 0;
  for (let at: i32 = 0; at < length; at++) {
    const key = ~load<u32>(values + (<usize>at << 3), 4);
    store<u32>(keys + (<usize>at << 2), key);
    least = min(least, key);
    largest = max(largest, key);
  }
  const unused = <u32>max(0, <i32>(32 - clz(largest - least)) - <i32>(2 * DIGIT_BITS));
  const counts = digitCounts;
  memory.fill(counts, 0, 8 * DIGITS);
  const high = counts + 4 * DIGITS;
  for (let at: i32 = 0; at < length; at++) {
    const key = (load<u32>(keys + (<usize>at << 2)) - least) >>> unused;
    store<u32>(keys + (<usize>at << 2), key);
    const first = counts + (<usize>(key & MASK) << 2);
    const second = high + (<usize>(key >>> DIGIT_BITS) << 2);
    store<u32>(first, load<u32>(first) + 1);
    store<u32>(second, load<u32>(second) + 1);
  }
  toFirstPlaces(counts);
  toFirstPlaces(high);
  for (let at: i32 = 0; at < length; at++) {
    const key = load<u32>(keys + (<usize>at << 2));
    const count = counts + (<usize>(key & MASK) << 2);
    const place = load<u32>(count);
    store<u32>(count, place + 1);
    store<u32>(nextOrder + (<usize>place << 2), ((key >>> DIGIT_BITS) << POSITION_BITS) | at);
  }
  for (let at: i32 = 0; at < length; at++) {
    const entry = load<u32>(nextOrder + (<usize>at << 2));
    const count = high + (<usize>(entry >>> POSITION_BITS) << 2);
    const place = load<u32>(count);
    store<u32>(count, place + 1);
    store<u32>(order + (<usize>place << 2), entry & POSITION_MASK);
  }
  let previous: f64 = Infinity;
  for (let at: i32 = 0; at < length; at++) {
    const position = load<u32>(order + (<usize>at << 2));
    const value = load<f64>(values + (<usize>position << 3));
    if (value > previous) insert(at, position, value);
    else previous = value;
  }
}

/** Counts of digits to the first places of their values. */
function toFirstPlaces(counts: usize): void {
  let before: u32 = 0;
  for (let at: usize = counts; at < counts + 4 * DIGITS; at += 4) {
    const count = load<u32>(at);
    store<u32>(at, before);
    before += count;
  }
}

/** Moves an entry before those with smaller values. */
function insert(at: i32, position: u32, value: f64): void {
  let place = order + (<usize>at << 2);
  while (place > order) {
    const before = load<u32>(place - 4);
    if (!(load<f64>(scaledValues + (<usize>before << 3)) < value)) break;
    store<u32>(place, before);
    place -= 4;
  }
  store<u32>(place, position);
}
