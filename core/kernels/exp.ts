/**
 * Exponentials whose results are the same bits on every machine and engine: a port of s_expm1.c of fdlibm. Error below
 * 1 ulp.
 *
 * Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved. Developed at SunPro, a Sun Microsystems, Inc.
 * business. Permission to use, copy, modify, and distribute this software is freely granted, provided that this notice
 * is preserved.
 */
import { highWord, withHighWord } from './float64-bits.js';

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const INVERSE_LN2 = Math.LOG2E;
const OVERFLOW = 709.782712893384;
const Q1 = -0.03333333333333313;
const Q2 = 0.0015873015872548146;
const Q3 = -7.93650757867488e-5;
const Q4 = 4.008217827329362e-6;
const Q5 = -2.0109921818362437e-7;

/** exp(x) - 1 in float64, exact to the last place also where x is small. */
export function expm1(x: number): number {
  if (Number.isNaN(x) || x > OVERFLOW) return x > OVERFLOW ? Number.POSITIVE_INFINITY : x;
  const magnitude = highWord(x) & 0x7fffffff;
  if (x < 0 && magnitude >= 0x4043687a) return -1;
  if (magnitude < 0x3c900000) return x;

  let exponent = 0;
  let reduced = x;
  let correction = 0;
  if (magnitude > 0x3fd62e42) {
    exponent = magnitude < 0x3ff0a2b2 ? Math.sign(x) : Math.trunc(INVERSE_LN2 * x + (x > 0 ? 0.5 : -0.5));
    const high = x - exponent * LN2_HIGH;
    const low = exponent * LN2_LOW;
    reduced = high - low;
    correction = high - reduced - low;
  }

  const half = 0.5 * reduced;
  const square = reduced * half;
  const r = 1 + square * (Q1 + square * (Q2 + square * (Q3 + square * (Q4 + square * Q5))));
  const t = 3 - r * half;
  let e = square * ((r - t) / (6 - reduced * t));
  if (exponent === 0) return reduced - (reduced * e - square);
  e = reduced * (e - correction) - correction - square;
  if (exponent === -1) return 0.5 * (reduced - e) - 0.5;
  if (exponent === 1) return reduced < -0.25 ? -2 * (e - (reduced + 0.5)) : 1 + 2 * (reduced - e);
  if (exponent <= -2 || exponent > 56) return scale(1 - (e - reduced), exponent) - 1;
  if (exponent < 20) {
    return scale(withHighWord(1, 0x3ff00000 - (0x200000 >> exponent)) - (e - reduced), exponent);
  }
  return scale(reduced - (e + withHighWord(1, (0x3ff - exponent) << 20)) + 1, exponent);
}

/** y * 2^exponent, exactly. */
function scale(y: number, exponent: number): number {
  if (exponent === 1024) return y * 2 * 2 ** 1023;
  return y * withHighWord(1, (0x3ff + exponent) << 20);
}
