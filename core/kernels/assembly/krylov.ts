// Dense steps of the block Krylov method on blocks of 4 vectors, stored interleaved (n x 4). The host
// (core/kernels/krylov-steps.ts) lays out the memory. Every sum runs over rows in order, one lane per vector.

// @ts-ignore: decorator
@inline
function multiplyAdd(sum: v128, factor: v128, values: v128): v128 {
  return f64x2.add(sum, f64x2.mul(factor, values));
}

/** target = matrix * vectors, for a row-major n x n matrix; n is a multiple of 4. Four rows at a time hide the latency of sums. */
export function multiply(n: i32, matrix: usize, vectors: usize, target: usize): void {
  const rowBytes: usize = <usize>n << 3;
  for (let i: i32 = 0; i < n; i += 4) {
    let first: usize = matrix + <usize>i * rowBytes;
    let second: usize = first + rowBytes;
    let third: usize = second + rowBytes;
    let fourth: usize = third + rowBytes;
    let vector: usize = vectors;
    let a0: v128 = f64x2.splat(0);
    let a1: v128 = f64x2.splat(0);
    let b0: v128 = f64x2.splat(0);
    let b1: v128 = f64x2.splat(0);
    let c0: v128 = f64x2.splat(0);
    let c1: v128 = f64x2.splat(0);
    let d0: v128 = f64x2.splat(0);
    let d1: v128 = f64x2.splat(0);
    for (let j: i32 = 0; j < n; j++) {
      const left: v128 = v128.load(vector);
      const right: v128 = v128.load(vector, 16);
      const a: v128 = v128.load64_splat(first);
      a0 = multiplyAdd(a0, a, left);
      a1 = multiplyAdd(a1, a, right);
      const b: v128 = v128.load64_splat(second);
      b0 = multiplyAdd(b0, b, left);
      b1 = multiplyAdd(b1, b, right);
      const c: v128 = v128.load64_splat(third);
      c0 = multiplyAdd(c0, c, left);
      c1 = multiplyAdd(c1, c, right);
      const d: v128 = v128.load64_splat(fourth);
      d0 = multiplyAdd(d0, d, left);
      d1 = multiplyAdd(d1, d, right);
      first += 8;
      second += 8;
      third += 8;
      fourth += 8;
      vector += 32;
    }
    const out: usize = target + (<usize>i << 5);
    v128.store(out, a0);
    v128.store(out, a1, 16);
    v128.store(out, b0, 32);
    v128.store(out, b1, 48);
    v128.store(out, c0, 64);
    v128.store(out, c1, 80);
    v128.store(out, d0, 96);
    v128.store(out, d1, 112);
  }
}

/** coefficients (4 x 4) = transposed basis * vectors. */
export function project(n: i32, basis: usize, vectors: usize, coefficients: usize): void {
  let a0: v128 = f64x2.splat(0);
  let a1: v128 = f64x2.splat(0);
  let b0: v128 = f64x2.splat(0);
  let b1: v128 = f64x2.splat(0);
  let c0: v128 = f64x2.splat(0);
  let c1: v128 = f64x2.splat(0);
  let d0: v128 = f64x2.splat(0);
  let d1: v128 = f64x2.splat(0);
  for (let i: i32 = 0; i < n; i++) {
    const first: v128 = v128.load(vectors);
    const second: v128 = v128.load(vectors, 16);
    const a: v128 = v128.load64_splat(basis);
    const b: v128 = v128.load64_splat(basis, 8);
    const c: v128 = v128.load64_splat(basis, 16);
    const d: v128 = v128.load64_splat(basis, 24);
    a0 = multiplyAdd(a0, a, first);
    a1 = multiplyAdd(a1, a, second);
    b0 = multiplyAdd(b0, b, first);
    b1 = multiplyAdd(b1, b, second);
    c0 = multiplyAdd(c0, c, first);
    c1 = multiplyAdd(c1, c, second);
    d0 = multiplyAdd(d0, d, first);
    d1 = multiplyAdd(d1, d, second);
    basis += 32;
    vectors += 32;
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

/** vectors = vectors - basis * coefficients. */
export function subtract(n: i32, basis: usize, coefficients: usize, vectors: usize): void {
  const a0: v128 = v128.load(coefficients);
  const a1: v128 = v128.load(coefficients, 16);
  const b0: v128 = v128.load(coefficients, 32);
  const b1: v128 = v128.load(coefficients, 48);
  const c0: v128 = v128.load(coefficients, 64);
  const c1: v128 = v128.load(coefficients, 80);
  const d0: v128 = v128.load(coefficients, 96);
  const d1: v128 = v128.load(coefficients, 112);
  for (let i: i32 = 0; i < n; i++) {
    const a: v128 = v128.load64_splat(basis);
    const b: v128 = v128.load64_splat(basis, 8);
    const c: v128 = v128.load64_splat(basis, 16);
    const d: v128 = v128.load64_splat(basis, 24);
    const first: v128 = multiplyAdd(multiplyAdd(multiplyAdd(f64x2.mul(a, a0), b, b0), c, c0), d, d0);
    const second: v128 = multiplyAdd(multiplyAdd(multiplyAdd(f64x2.mul(a, a1), b, b1), c, c1), d, d1);
    v128.store(vectors, f64x2.sub(v128.load(vectors), first));
    v128.store(vectors, f64x2.sub(v128.load(vectors, 16), second), 16);
    basis += 32;
    vectors += 32;
  }
}
