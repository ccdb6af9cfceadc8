// Steps of an int32 array that do not rise. The host (core/kernels/falls.ts) lays out the memory.

/** How many of the `steps` steps from `from` on lead to a value that is not larger; steps + 1 values lie there. */
export function countFalls(from: usize, steps: i32): i32 {
  const end = from + (<usize>steps << 2);
  let falls = i32x4.splat(0);
  for (; from + 16 <= end; from += 16) falls = i32x4.sub(falls, i32x4.le_s(v128.load(from, 4), v128.load(from)));
  let sum = i32x4.extract_lane(falls, 0) + i32x4.extract_lane(falls, 1) + i32x4.extract_lane(falls, 2) + i32x4.extract_lane(falls, 3);
  for (; from < end; from += 4) sum += i32(load<i32>(from, 4) <= load<i32>(from));
  return sum;
}
