import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import Zstd from 'numcodecs/zstd';
import { describe, expect, it } from 'vitest';
import { encodeMostlyZeros } from './zstd-mostly-zeros.js';

const FIXTURES = fileURLToPath(new URL('../../test/fixtures/', import.meta.url));
/** The reference decoder, libzstd. */
const decode = (frame: Uint8Array): Promise<Uint8Array> =>
  Promise.resolve(Zstd.fromConfig({ id: 'zstd' }).decode(frame));
const bytesOf = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function expectSame(values: Float32Array, bytes = values.byteLength): Promise<Uint8Array> {
  const { frame } = encodeMostlyZeros(values, bytes);
  const expected = new Uint8Array(bytes);
  expected.set(bytesOf(values));
  const decoded = await decode(frame);
  expect(decoded.length).toBe(bytes);
  expect(sha256(decoded)).toBe(sha256(expected));
  return frame;
}

function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 8;
  }
}

describe('encodeMostlyZeros', () => {
  it.each([1, 2, 3, 4, 5, 31, 32, 33, 1000, 32767, 32768, 32769, 70_000])(
    'encodes %i values of any density',
    async (length) => {
      for (const percent of [0, 1, 7, 40, 97, 100]) {
        for (const kinds of [1, 3, 200, 1 << 24]) {
          const random = numbers(length + percent * 7 + kinds);
          const values = Float32Array.from({ length }, () =>
            random.next().value % 100 < percent ? 1 + (random.next().value % kinds) / 7 : 0,
          );
          await expectSame(values);
        }
      }
    },
  );

  it('keeps bits that no comparison of numbers tells apart', async () => {
    const values = new Float32Array(4000);
    const words = new Uint32Array(values.buffer);
    // -0, the smallest and other denormals (whose last byte is zero), two NaNs, infinities, each with zeros behind.
    const special = [0x80000000, 1, 0x00000100, 0x007fffff, 0x7fc00000, 0x7fc00001, 0x7f800000, 0xff800000];
    for (let at = 0, k = 0; at < words.length; at += 1 + (k % 19), k++) words[at] = special[k % special.length]!;
    await expectSame(values);
  });

  it.each([0, 1, 3, 4, 5, 15, 16, 17, 63, 64, 65, 300, 40_000])(
    'encodes values with %i zeros between them',
    async (zeros) => {
      const values = new Float32Array(Math.max(2000, 3 * zeros));
      for (let at = 0, k = 0; at < values.length; at += zeros + 1, k++) values[at] = (k % 5) + 1;
      await expectSame(values);
      await expectSame(values.map((_, at) => values[values.length - 1 - at]!));
    },
  );

  it.each([1, 15, 16, 17, 40_000])('tells of %i values whether all are finite', (length) => {
    for (const at of [0, length >> 1, length - 1]) {
      for (const value of [3.4e38, -3.4e38, 1e-45, -0, Number.NaN, Infinity, -Infinity]) {
        const values = new Float32Array(length);
        values[at] = value;
        expect(encodeMostlyZeros(values, values.byteLength).finite).toBe(Number.isFinite(value));
      }
    }
  });

  it('pads with zeros, whatever was encoded before, and depends on nothing but the values', async () => {
    const values = Float32Array.from({ length: 500 }, (_, at) => (at % 9 === 0 ? at : 0));
    const frame = await expectSame(values, 1_000_000);
    await expectSame(new Float32Array(400_000).fill(3.5));
    expect(encodeMostlyZeros(values, 1_000_000).frame).toEqual(frame);
    expect(frame.length).toBeLessThan(700);
  });

  const sizes: Record<string, { sha256: string; 'zarr-v2': number; 'zarr-v3': number }> = JSON.parse(
    readFileSync(`${FIXTURES}sparse-sizes.json`, 'utf8'),
  );
  it.each(Object.keys(sizes))("takes at most 1.3 times what zarr-python's defaults take: %s", async (name) => {
    const values = name.endsWith('.gz') ? realValues(name) : generatedValues(name);
    expect(sha256(bytesOf(values))).toBe(sizes[name]!.sha256);
    const frame = await expectSame(values);
    expect(frame.length / sizes[name]!['zarr-v2']).toBeLessThan(1.3);
    expect(frame.length / sizes[name]!['zarr-v3']).toBeLessThan(1.3);
  });
});

function realValues(name: string): Float32Array {
  const bytes = gunzipSync(readFileSync(FIXTURES + name));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** As `generated` in test/oracle/sparse_sizes.py. */
function generatedValues(name: string): Float32Array {
  const [rows, dim, percent] = name.match(/\d+/g)!.map(Number) as [number, number, number];
  const random = numbers(12345);
  return Float32Array.from({ length: rows * dim }, (_, at) => {
    const value = random.next().value;
    if (value % 100 >= percent) return 0;
    const count = 1 + (Math.floor(value / 100) % 3) * (Math.floor(value / 300) % 2);
    const factor = Math.fround(1 + Math.fround(Math.floor(at / dim) / rows));
    return count * factor;
  });
}
