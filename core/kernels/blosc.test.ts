import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { bloscSource, decodeBlosc } from './blosc.js';
import { decodeAnyBlosc } from './blosc-any.js';
import { CorruptData } from './corrupt-data.js';

interface Case {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  readonly sha256: string;
}

const folder = fileURLToPath(new URL('../../test/fixtures/blosc/', import.meta.url));
const buffers = readFileSync(`${folder}/buffers.bin`);
const cases: Case[] = JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8'));

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const bufferOf = ({ offset, bytes }: Case) => new Uint8Array(buffers.subarray(offset, offset + bytes));

function decode(encoded: Uint8Array): Uint8Array {
  bloscSource(encoded.length).set(encoded);
  return decodeBlosc(encoded.length, null)?.slice() ?? decodeAnyBlosc(encoded);
}

/** The decoded bytes, or "corrupt". */
function outcome(decoder: (encoded: Uint8Array) => Uint8Array, encoded: Uint8Array): string {
  try {
    return sha256(decoder(encoded));
  } catch (error) {
    if (error instanceof CorruptData) return 'corrupt';
    throw error;
  }
}

describe('Blosc decoding', () => {
  it.each(cases)('agrees with numcodecs: $name', (example) => {
    const encoded = bufferOf(example);
    expect(sha256(decode(encoded))).toBe(example.sha256);
    expect(sha256(decodeAnyBlosc(encoded))).toBe(example.sha256);
  });

  it('takes damaged buffers for what its TypeScript double takes them for', () => {
    let corrupt = 0;
    const random = generator(5);
    for (let trial = 0; trial < 1500; trial++) {
      const encoded = bufferOf(cases[Math.floor(random() * cases.length)]!);
      for (let flips = 0; flips < 1 + (trial % 3); flips++) {
        const at = 16 + Math.floor(random() * (encoded.length - 16));
        encoded[at] = Math.floor(random() * 256);
      }
      const found = outcome(decode, encoded);
      expect(found).toBe(outcome(decodeAnyBlosc, encoded));
      if (found === 'corrupt') corrupt++;
    }
    expect(corrupt).toBeGreaterThan(300);
  });

  it.each([
    ['shorter than a header', (bytes: Uint8Array) => bytes.slice(0, 9)],
    ['cut off', (bytes: Uint8Array) => bytes.slice(0, -1)],
    ['followed by more', (bytes: Uint8Array) => Uint8Array.from([...bytes, 0])],
    ['of another version', (bytes: Uint8Array) => bytes.with(0, 9)],
    ['with type size 0', (bytes: Uint8Array) => bytes.with(3, 0)],
    ['with a block table beyond its end', (bytes: Uint8Array) => bytes.with(7, 0x7f)],
  ])('refuses a buffer %s', (_, damage) => {
    const encoded = damage(bufferOf(cases.find(({ name }) => name.startsWith('counts'))!));
    expect(outcome(decode, encoded)).toBe('corrupt');
    expect(outcome(decodeAnyBlosc, encoded)).toBe('corrupt');
  });
});

/** Numbers in [0, 1) that repeat: mulberry32. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
