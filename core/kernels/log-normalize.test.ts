import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { logNormalizeRows } from './log-normalize.js';

/** Counts and scanpy's normalize_total + log1p of them; made by test/oracle/log_normalize.py. */
const fixture: { indptr: number[]; counts: number[]; logNormalized: number[] } = JSON.parse(
  await readFile(new URL('../../test/fixtures/log-normalize.json', import.meta.url), 'utf8'),
);
const expected = Float32Array.from(fixture.logNormalized);

const worstUlps = (found: Float32Array): number => {
  const a = new Int32Array(found.buffer, found.byteOffset, found.length);
  const b = new Int32Array(expected.buffer);
  return a.reduce((worst, bits, at) => Math.max(worst, Math.abs(bits - b[at]!)), 0);
};

it('agrees with scanpy to one unit in the last place of float32', () => {
  const out = new Float32Array(expected.length);
  logNormalizeRows(Int32Array.from(fixture.indptr), Float32Array.from(fixture.counts), out);
  expect(worstUlps(out)).toBeLessThanOrEqual(1);
});

it('gives the same bits whatever rows stand before in the block', () => {
  const whole = new Float32Array(expected.length);
  const counts = Float32Array.from(fixture.counts);
  logNormalizeRows(Int32Array.from(fixture.indptr), counts, whole);
  for (let row = 0; row + 1 < fixture.indptr.length; row++) {
    const [from, to] = [fixture.indptr[row]!, fixture.indptr[row + 1]!];
    const alone = new Float32Array(to - from);
    logNormalizeRows(Int32Array.of(0, to - from), counts.subarray(from, to), alone);
    expect(alone).toEqual(whole.subarray(from, to));
  }
});

it('takes integer counts as scanpy takes them as float32', () => {
  const firstRows = fixture.indptr.slice(0, 5);
  const stored = firstRows.at(-1)!;
  const asInt32 = new Float32Array(stored);
  logNormalizeRows(Int32Array.from(firstRows), Int32Array.from(fixture.counts.slice(0, stored)), asInt32);
  const asFloat32 = new Float32Array(stored);
  logNormalizeRows(Int32Array.from(firstRows), Float32Array.from(fixture.counts.slice(0, stored)), asFloat32);
  expect(asInt32).toEqual(asFloat32);
});
