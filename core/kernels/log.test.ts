import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { expm1 } from './exp.js';
import { log, log1p } from './log.js';

/** Pairs of an argument and the correctly rounded result, as big-endian hex; made by test/oracle/log_exp.py. */
const reference: Record<'log' | 'log1p' | 'expm1', [string, string][]> = JSON.parse(
  await readFile(new URL('../../test/fixtures/log-exp.json', import.meta.url), 'utf8'),
);

const toNumber = (hex: string): number => Buffer.from(hex, 'hex').readDoubleBE();
const ordinal = (x: number): bigint => {
  const buffer = Buffer.alloc(8);
  buffer.writeDoubleBE(x);
  const bits = buffer.readBigInt64BE();
  return bits < 0n ? -(bits & 0x7fffffffffffffffn) : bits;
};
const ulps = (a: number, b: number): number => Math.abs(Number(ordinal(a) - ordinal(b)));

describe.each([
  ['log', log],
  ['log1p', log1p],
  ['expm1', expm1],
] as const)('%s', (name, kernel) => {
  it('is within one unit in the last place of the correctly rounded result', () => {
    const worst = Math.max(...reference[name].map(([x, y]) => ulps(kernel(toNumber(x)), toNumber(y))));
    expect(reference[name].length).toBeGreaterThan(200);
    expect(worst).toBeLessThanOrEqual(1);
  });
});

describe('special values', () => {
  it('of log', () => {
    expect(log(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(log(-1)).toBeNaN();
    expect(log(Number.NaN)).toBeNaN();
    expect(log(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
    expect(log(1)).toBe(0);
  });

  it('of log1p', () => {
    expect(log1p(-1)).toBe(Number.NEGATIVE_INFINITY);
    expect(log1p(-2)).toBeNaN();
    expect(log1p(Number.NaN)).toBeNaN();
    expect(log1p(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
    expect(log1p(0)).toBe(0);
    expect(log1p(-0)).toBe(-0);
  });

  it('of expm1', () => {
    expect(expm1(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
    expect(expm1(Number.NEGATIVE_INFINITY)).toBe(-1);
    expect(expm1(Number.NaN)).toBeNaN();
    expect(expm1(710)).toBe(Number.POSITIVE_INFINITY);
    expect(expm1(0)).toBe(0);
  });
});
