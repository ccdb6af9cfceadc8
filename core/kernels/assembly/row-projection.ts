// Sparse rows times a dense matrix, in float64. The host (core/kernels/row-projection.ts) lays out the memory. Every sum
// runs over a row's stored values in order, one lane per output; 10 outputs at a time stay in registers.

// @ts-ignore: decorator
@inline
function multiplyAdd(sum: v128, factor: v128, values: v128): v128 {
  return f64x2.add(sum, f64x2.mul(factor, values));
}

/**
 * `offsets` holds, for each stored value, where its weights begin (in bytes); a column's weights are `width` values, a
 * multiple of 10. Fills rows x width sums.
 */
export function projectRows(rows: i32, width: i32, rowEnds: usize, offsets: usize, values: usize, weights: usize, sums: usize): void {
  const rowBytes: usize = <usize>width << 3;
  let begin: usize = 0;
  for (let row: i32 = 0; row < rows; row++) {
    const end: usize = <usize>load<i32>(rowEnds + (<usize>row << 2));
    for (let part: usize = 0; part < rowBytes; part += 80) {
      let a: v128 = f64x2.splat(0);
      let b: v128 = f64x2.splat(0);
      let c: v128 = f64x2.splat(0);
      let d: v128 = f64x2.splat(0);
      let e: v128 = f64x2.splat(0);
      for (let position: usize = begin; position < end; position++) {
        const value: v128 = v128.load64_splat(values + (position << 3));
        const address: usize = weights + part + <usize>load<u32>(offsets + (position << 2));
        a = multiplyAdd(a, value, v128.load(address));
        b = multiplyAdd(b, value, v128.load(address, 16));
        c = multiplyAdd(c, value, v128.load(address, 32));
        d = multiplyAdd(d, value, v128.load(address, 48));
        e = multiplyAdd(e, value, v128.load(address, 64));
      }
      const target: usize = sums + part;
      v128.store(target, a);
      v128.store(target, b, 16);
      v128.store(target, c, 32);
      v128.store(target, d, 48);
      v128.store(target, e, 64);
    }
    begin = end;
    sums += rowBytes;
  }
}
