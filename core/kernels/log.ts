/**
 * Natural logarithms whose results are the same bits on every machine and engine: ports of e_log.c and s_log1p.c of
 * fdlibm. Error below 1 ulp.
 *
 * Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved. Developed at SunPro, a Sun Microsystems, Inc.
 * business. Permission to use, copy, modify, and distribute this software is freely granted, provided that this notice
 * is preserved.
 */
import { highWord, withHighWord } from './float64-bits.js';

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const TWO_54 = 2 ** 54;
const L1 = 0.6666666666666735;
const L2 = 0.3999999999940942;
const L3 = 0.2857142874366239;
const L4 = 0.22222198432149784;
const L5 = 0.1818357216161805;
const L6 = 0.15313837699209373;
const L7 = 0.14798198605116586;

/** ln(x) in float64. */
export function log(x: number): number {
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (!(x > 0)) return Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  let exponent = 0;
  let scaled = x;
  if (highWord(x) < 0x00100000) {
    exponent = -54;
    scaled = x * TWO_54;
  }
  const bits = highWord(scaled);
  exponent += (bits >> 20) - 1023;
  const mantissa = bits & 0xfffff;
  const halve = (mantissa + 0x95f64) & 0x100000;
  const f = withHighWord(scaled, mantissa | (halve ^ 0x3ff00000)) - 1;
  exponent += halve >> 20;

  if ((0xfffff & (2 + mantissa)) < 3) {
    const r = f * f * (0.5 - 0.3333333333333333 * f);
    return exponent === 0 ? f - r : exponent * LN2_HIGH - (r - exponent * LN2_LOW - f);
  }
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const r = z * (L1 + w * (L3 + w * (L5 + w * L7))) + w * (L2 + w * (L4 + w * L6));
  if (((mantissa - 0x6147a) | (0x6b851 - mantissa)) > 0) {
    const half = 0.5 * f * f;
    if (exponent === 0) return f - (half - s * (half + r));
    return exponent * LN2_HIGH - (half - (s * (half + r) + exponent * LN2_LOW) - f);
  }
  if (exponent === 0) return f - s * (f - r);
  return exponent * LN2_HIGH - (s * (f - r) - exponent * LN2_LOW - f);
}

/** ln(1 + x) in float64, exact to the last place also where x is small. */
export function log1p(x: number): number {
  if (x === -1) return Number.NEGATIVE_INFINITY;
  if (!(x > -1)) return Number.NaN;
  const bits = highWord(x);
  if (bits >= 0x7ff00000) return x;
  const magnitude = bits & 0x7fffffff;
  if (magnitude < 0x3e200000) return magnitude < 0x3c900000 ? x : x - x * x * 0.5;

  let exponent = 0;
  let f = x;
  let mantissa = 1;
  let correction = 0;
  if (bits >= 0x3fda827a || (bits < 0 && bits > (0xbfd2bec4 | 0))) {
    const u = bits < 0x43400000 ? 1 + x : x;
    const high = highWord(u);
    exponent = (high >> 20) - 1023;
    if (bits < 0x43400000) correction = (exponent > 0 ? 1 - (u - x) : x - (u - 1)) / u;
    mantissa = high & 0xfffff;
    if (mantissa < 0x6a09e) {
      f = withHighWord(u, mantissa | 0x3ff00000) - 1;
    } else {
      exponent += 1;
      f = withHighWord(u, mantissa | 0x3fe00000) - 1;
      mantissa = (0x100000 - mantissa) >> 2;
    }
  }

  const half = 0.5 * f * f;
  if (mantissa === 0) {
    if (f === 0) return exponent * LN2_HIGH + (correction + exponent * LN2_LOW);
    const r = half * (1 - 0.6666666666666666 * f);
    return exponent * LN2_HIGH - (r - (exponent * LN2_LOW + correction) - f);
  }
  const s = f / (2 + f);
  const z = s * s;
  const r = z * (L1 + z * (L2 + z * (L3 + z * (L4 + z * (L5 + z * (L6 + z * L7))))));
  if (exponent === 0) return f - (half - s * (half + r));
  return exponent * LN2_HIGH - (half - (s * (half + r) + (exponent * LN2_LOW + correction)) - f);
}
