// Dense steps of the block Krylov method on blocks of 2 vectors, stored interleaved (n x 2), so that a row of a block is one
// SIMD value. The host (core/kernels/krylov-steps.ts) lays out the memory.

// @ts-ignore: decorator
@inline
function first(address: usize): v128 {
  return v128.load64_splat(address);
}

// @ts-ignore: decorator
@inline
function second(address: usize): v128 {
  return v128.load64_splat(address, 8);
}

// @ts-ignore: decorator
@inline
function multiplyAdd(sum: v128, factor: v128, values: v128): v128 {
  return f64x2.add(sum, f64x2.mul(factor, values));
}

/** Sum of four products. */
// @ts-ignore: decorator
@inline
function sumOfFour(a: v128, x: v128, b: v128, y: v128, c: v128, z: v128, d: v128, w: v128): v128 {
  return f64x2.add(f64x2.add(f64x2.mul(a, x), f64x2.mul(b, y)), f64x2.add(f64x2.mul(c, z), f64x2.mul(d, w)));
}

/**
 * target = matrix * vectors, for a symmetric n x n matrix of which the upper triangle is packed by rows; n is a multiple of
 * 4. Each entry is read once, for both of its places; four rows at a time share what they read of the vectors.
 */
export function multiply(n: i32, triangle: usize, vectors: usize, target: usize): void {
  memory.fill(target, 0, <usize>n << 4);
  const end: usize = <usize>n << 4;
  let a: usize = triangle;
  for (let i: i32 = 0; i < n; i += 4) {
    const length: usize = <usize>(n - i) << 3;
    const b: usize = a + length;
    const c: usize = b + length - 8;
    const d: usize = c + length - 16;
    const at: usize = <usize>i << 4;
    const x0: v128 = v128.load(vectors + at);
    const x1: v128 = v128.load(vectors + at, 16);
    const x2: v128 = v128.load(vectors + at, 32);
    const x3: v128 = v128.load(vectors + at, 48);
    const ab: v128 = v128.load64_splat(a, 8);
    const ac: v128 = v128.load64_splat(a, 16);
    const ad: v128 = v128.load64_splat(a, 24);
    const bc: v128 = v128.load64_splat(b, 8);
    const bd: v128 = v128.load64_splat(b, 16);
    const cd: v128 = v128.load64_splat(c, 8);
    let y0: v128 = sumOfFour(first(a), x0, ab, x1, ac, x2, ad, x3);
    let y1: v128 = sumOfFour(ab, x0, first(b), x1, bc, x2, bd, x3);
    let y2: v128 = sumOfFour(ac, x0, bc, x1, first(c), x2, cd, x3);
    let y3: v128 = sumOfFour(ad, x0, bd, x1, cd, x2, first(d), x3);
    let p: usize = a + 32;
    let q: usize = b + 24;
    let r: usize = c + 16;
    let s: usize = d + 8;
    for (let j: usize = at + 64; j < end; j += 32) {
      const x: v128 = v128.load(vectors + j);
      const pj: v128 = first(p);
      const qj: v128 = first(q);
      const rj: v128 = first(r);
      const sj: v128 = first(s);
      y0 = multiplyAdd(y0, pj, x);
      y1 = multiplyAdd(y1, qj, x);
      y2 = multiplyAdd(y2, rj, x);
      y3 = multiplyAdd(y3, sj, x);
      const y: usize = target + j;
      v128.store(y, f64x2.add(v128.load(y), sumOfFour(pj, x0, qj, x1, rj, x2, sj, x3)));
      const next: v128 = v128.load(vectors + j, 16);
      const pk: v128 = second(p);
      const qk: v128 = second(q);
      const rk: v128 = second(r);
      const sk: v128 = second(s);
      y0 = multiplyAdd(y0, pk, next);
      y1 = multiplyAdd(y1, qk, next);
      y2 = multiplyAdd(y2, rk, next);
      y3 = multiplyAdd(y3, sk, next);
      v128.store(y, f64x2.add(v128.load(y, 16), sumOfFour(pk, x0, qk, x1, rk, x2, sk, x3)), 16);
      p += 16;
      q += 16;
      r += 16;
      s += 16;
    }
    const y: usize = target + at;
    v128.store(y, f64x2.add(v128.load(y), y0));
    v128.store(y, f64x2.add(v128.load(y, 16), y1), 16);
    v128.store(y, f64x2.add(v128.load(y, 32), y2), 32);
    v128.store(y, f64x2.add(v128.load(y, 48), y3), 48);
    a = d + length - 24;
  }
}

/** coefficients (8 x 2) = transposed basis * vectors, for 4 blocks of the basis that lie one behind the other. */
export function project(n: i32, basis: usize, vectors: usize, coefficients: usize): void {
  const block: usize = <usize>n << 4;
  let a0: v128 = f64x2.splat(0);
  let a1: v128 = f64x2.splat(0);
  let b0: v128 = f64x2.splat(0);
  let b1: v128 = f64x2.splat(0);
  let c0: v128 = f64x2.splat(0);
  let c1: v128 = f64x2.splat(0);
  let d0: v128 = f64x2.splat(0);
  let d1: v128 = f64x2.splat(0);
  for (let a: usize = basis, end: usize = basis + block; a < end; a += 16) {
    const b: usize = a + block;
    const c: usize = b + block;
    const d: usize = c + block;
    const x: v128 = v128.load(vectors);
    a0 = multiplyAdd(a0, first(a), x);
    a1 = multiplyAdd(a1, second(a), x);
    b0 = multiplyAdd(b0, first(b), x);
    b1 = multiplyAdd(b1, second(b), x);
    c0 = multiplyAdd(c0, first(c), x);
    c1 = multiplyAdd(c1, second(c), x);
    d0 = multiplyAdd(d0, first(d), x);
    d1 = multiplyAdd(d1, second(d), x);
    vectors += 16;
  }
  v128.store(coefficients, a0);
  v128.store(coefficients, a1, 16);
  v128.store(coefficients, b0, 32);
  v128.store(coefficients, b1, 48);
  v128.store(coefficients, c0, 64);
  v128.store(coefficients, c1, 80);
  v128.store(coefficients, d0, 96);
  v128.store(coefficients, d1, 112);
}

/** vectors = vectors - basis * coefficients, for 4 blocks of the basis. */
export function subtract(n: i32, basis: usize, coefficients: usize, vectors: usize): void {
  const block: usize = <usize>n << 4;
  const a0: v128 = v128.load(coefficients);
  const a1: v128 = v128.load(coefficients, 16);
  const b0: v128 = v128.load(coefficients, 32);
  const b1: v128 = v128.load(coefficients, 48);
  const c0: v128 = v128.load(coefficients, 64);
  const c1: v128 = v128.load(coefficients, 80);
  const d0: v128 = v128.load(coefficients, 96);
  const d1: v128 = v128.load(coefficients, 112);
  for (let a: usize = basis, end: usize = basis + block; a < end; a += 16) {
    const b: usize = a + block;
    const c: usize = b + block;
    const d: usize = c + block;
    const left: v128 = sumOfFour(first(a), a0, second(a), a1, first(b), b0, second(b), b1);
    const right: v128 = sumOfFour(first(c), c0, second(c), c1, first(d), d0, second(d), d1);
    v128.store(vectors, f64x2.sub(v128.load(vectors), f64x2.add(left, right)));
    vectors += 16;
  }
}
