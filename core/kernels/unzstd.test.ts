import { createHash } from 'node:crypto';
import Zstd from 'numcodecs/zstd';
import { describe, expect, it } from 'vitest';
import { CorruptData } from './corrupt-data.js';
import { uniform } from './tridiagonal.js';
import { decodeFrame, frameSource } from './unzstd.js';
import { encodeMostlyZeros } from './zstd-mostly-zeros.js';

/** The reference, libzstd. */
const reference = (level: number) => Zstd.fromConfig({ id: 'zstd', level });
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

function decode(frame: Uint8Array, bytes: number): Uint8Array | null {
  frameSource(frame.length).set(frame);
  return decodeFrame(frame.length, bytes)?.slice() ?? null;
}

const bytesOf = (values: Float32Array | Int32Array) =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

const next = uniform(23);
const upTo = (limit: number) => Math.floor(next() * limit);
const floats = (length: number) =>
  bytesOf(Float32Array.from({ length }, (_, at) => Math.log1p(Math.ceil(next() ** 4 * 9) / (1 + (at >> 9)))));
const columns = (length: number) => {
  let column = 0;
  return bytesOf(
    Int32Array.from({ length }, () => {
      column = column > 19_000 ? upTo(20) : column + 1 + upTo(18);
      return column;
    }),
  );
};
const words = 'gene cell matrix chunk embeds rows of sparse single-cell data '.split(' ');

const KINDS: readonly [string, (length: number) => Uint8Array][] = [
  ['log-normalised values', (length) => floats(Math.ceil(length / 4)).subarray(0, length)],
  ['columns', (length) => columns(Math.ceil(length / 4)).subarray(0, length)],
  ['random bytes', (length) => Uint8Array.from({ length }, () => upTo(256))],
  ['few kinds of bytes', (length) => Uint8Array.from({ length }, () => upTo(next() < 0.9 ? 5 : 40))],
  ['one byte', (length) => new Uint8Array(length).fill(7)],
  ['short periods', (length) => Uint8Array.from({ length }, (_, at) => at % (1 + (at >> 12)))],
  [
    'text',
    (length) => Buffer.from(Array.from({ length }, () => words[upTo(words.length)]).join(' ')).subarray(0, length),
  ],
  [
    'parts of many kinds',
    (length) => Uint8Array.from({ length }, (_, at) => ((at >> 13) % 3 === 0 ? upTo(256) : at >> 6)),
  ],
];

describe('decodeFrame', () => {
  it.each(KINDS)('decodes what libzstd wrote of %s, at every level', async (_, make) => {
    for (const length of [1, 2, 5, 17, 63, 256, 1000, 5000, 131_071, 131_073, 400_000]) {
      const bytes = make(length);
      for (const level of length > 5000 ? [1, 3, 12] : [-5, 1, 3, 9, 19]) {
        const frame = await reference(level).encode(bytes);
        expect(sha256(decode(frame, bytes.length)!)).toBe(sha256(bytes));
      }
    }
  });

  it('decodes what our own encoder wrote', () => {
    const values = Float32Array.from({ length: 300_000 }, () => (next() < 0.1 ? Math.ceil(next() * 40) / 3 : 0));
    const { frame } = encodeMostlyZeros(values, values.byteLength);
    expect(sha256(decode(frame, values.byteLength)!)).toBe(sha256(bytesOf(values)));
  });

  // libzstd overlooks streams that end too early.
  it('refuses damaged frames, or gives the bytes that libzstd gives', async () => {
    let corrupt = 0;
    for (const [, make] of KINDS) {
      const bytes = make(9000);
      const frame = await reference(3).encode(bytes);
      for (let trial = 0; trial < 100; trial++) {
        const damaged = frame.slice();
        // Behind the header, whose size and flags are looked at elsewhere.
        for (let flips = 0; flips < 1 + (trial % 3); flips++) damaged[8 + upTo(frame.length - 8)] = upTo(256);
        const expected = await outcome(() => reference(3).decode(damaged));
        const found = await outcome(() => decode(damaged, bytes.length)!);
        if (found === 'corrupt') corrupt++;
        else expect(found).toBe(expected);
      }
    }
    expect(corrupt).toBeGreaterThan(200);
  });

  it('refuses frames that are cut off, and other sizes than theirs', async () => {
    const bytes = floats(5000);
    const frame = await reference(3).encode(bytes);
    for (const length of [0, 4, 8, 9, 12, 100, frame.length - 1]) {
      expect(() => decode(frame.subarray(0, length), bytes.length)).toThrow(CorruptData);
    }
    for (const size of [0, 1, bytes.length - 1, bytes.length + 1])
      expect(() => decode(frame, size)).toThrow(CorruptData);
  });

  it('leaves frames with a checksum or a dictionary, and several, to others', async () => {
    const bytes = floats(100);
    const frame = await reference(3).encode(bytes);
    for (const flag of [1, 4]) expect(decode(frame.with(4, frame[4]! | flag), bytes.length)).toBeNull();
    expect(decode(Uint8Array.from([...frame, ...frame]), bytes.length)).toBeNull();
  });
});

async function outcome(decoding: () => Uint8Array | Promise<Uint8Array>): Promise<string> {
  try {
    return sha256(await decoding());
  } catch {
    return 'corrupt';
  }
}
