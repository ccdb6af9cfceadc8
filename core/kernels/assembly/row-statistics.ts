// Sums of rows of float32 values, and what their values are. The host (core/kernels/row-statistics.ts) lays out the
// memory. Lane k takes every fourth value of a row, from its k-th on.

// Smallest and largest value so far, and minus the number of fractions, by lanes.
let low: v128 = f32x4.splat(0);
let high: v128 = f32x4.splat(0);
let fractions: v128 = i32x4.splat(0);

/** Forgets all values. */
export function begin(): void {
  low = f32x4.splat(Infinity);
  high = f32x4.splat(-Infinity);
  fractions = i32x4.splat(0);
}

/** `rows` rows lie one after the other from `values` on; `ends` says where each ends. Fills one float64 of `sums` for each. */
export function addRows(rows: i32, ends: usize, values: usize, sums: usize): void {
  let smallest = low;
  let largest = high;
  let found = fractions;
  for (let row: usize = 0; row < <usize>rows; row++) {
    const end: usize = load<u32>(ends + (row << 2));
    let even = f64x2.splat(0);
    let odd = f64x2.splat(0);
    for (; values + 16 <= end; values += 16) {
      const four = v128.load(values);
      smallest = f32x4.pmin(smallest, four);
      largest = f32x4.pmax(largest, four);
      found = i32x4.add(found, f32x4.ne(f32x4.floor(four), four));
      even = f64x2.add(even, f64x2.promote_low_f32x4(four));
      odd = f64x2.add(odd, f64x2.promote_low_f32x4(v128.shuffle<u64>(four, four, 1, 1)));
    }
    const pairs = f64x2.add(even, odd);
    let sum = f64x2.extract_lane(pairs, 0) + f64x2.extract_lane(pairs, 1);
    for (; values < end; values += 4) {
      const one = v128.load32_splat(values);
      smallest = f32x4.pmin(smallest, one);
      largest = f32x4.pmax(largest, one);
      found = i32x4.replace_lane(found, 0, i32x4.extract_lane(found, 0) - i32(f32x4.extract_lane(f32x4.floor(one), 0) != load<f32>(values)));
      sum += <f64>load<f32>(values);
    }
    store<f64>(sums + (row << 3), sum);
  }
  low = smallest;
  high = largest;
  fractions = found;
}

/** The smallest value; Infinity where there was none. */
export function smallest(): f32 {
  return min(
    min(f32x4.extract_lane(low, 0), f32x4.extract_lane(low, 1)),
    min(f32x4.extract_lane(low, 2), f32x4.extract_lane(low, 3)),
  );
}

/** The largest value; -Infinity where there was none. */
export function largest(): f32 {
  return max(
    max(f32x4.extract_lane(high, 0), f32x4.extract_lane(high, 1)),
    max(f32x4.extract_lane(high, 2), f32x4.extract_lane(high, 3)),
  );
}

/** How many values since the beginning are no integers; below 2^32 are counted. */
export function fractionCount(): u32 {
  return -(i32x4.extract_lane(fractions, 0) + i32x4.extract_lane(fractions, 1)
    + i32x4.extract_lane(fractions, 2) + i32x4.extract_lane(fractions, 3));
}
