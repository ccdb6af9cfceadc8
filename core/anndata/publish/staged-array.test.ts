import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  claim,
  type Embedding,
  filesBelow,
  GS,
  PCA,
  provenanceFor,
  type Sandbox,
  sandbox,
  valuesOf,
  writeBlocks,
} from '../../../test/publishing.js';
import { rowBlocks } from './row-blocks.js';

describe('rowBlocks', () => {
  it.each([
    // dim, chunkRows, expected: the largest power of two with rows * dim * 4 <= 2^24, or fewer
    [512, 16384, 8192],
    [50, 16384, 16384],
    [50, 100_000, 65536],
    [3936, 16384, 1024],
    [10_000, 16384, 256],
    [10_000, 100, 100],
    [1, 1 << 30, 1 << 22],
    [8_000_000, 16384, 1],
  ])('of %i columns and chunk_rows %i are %i rows', (dim, chunkRows, blockRows) => {
    expect(rowBlocks(100_000, dim, chunkRows)).toEqual({ blockRows, blocks: Math.ceil(100_000 / blockRows) });
  });
});

describe.each(['v2.zarr', 'v3.zarr'])('a staged array for %s', (fixture) => {
  let box: Sandbox;
  beforeEach(async () => {
    box = await sandbox(fixture);
  });
  afterEach(() => box.remove());

  const arrayFolder = async (embedding: Embedding) => {
    const key = join(box.staging, embedding.key);
    const [attempt] = await readdir(key);
    return join(key, attempt!, 'array');
  };
  const blockFile = async (embedding: Embedding, block: number) =>
    join(await arrayFolder(embedding), fixture === 'v2.zarr' ? `${block}.0` : `c/${block}/0`);

  it.each([PCA, GS])('goes on after the finished blocks of an earlier attempt: $key', async (embedding) => {
    await writeBlocks(await claim(box, embedding, 'first'), embedding, 2);
    const second = await claim(box, embedding, 'second');
    expect(second.done).toEqual(new Set([0, 1]));
    expect({ blockRows: second.blockRows, blocks: second.blocks }).toEqual({ blockRows: 16, blocks: 4 });
    expect(await readdir(join(box.staging, embedding.key))).toHaveLength(1);
  });

  it.each([PCA, GS])('writes the same files whether interrupted or not: $key', async (embedding) => {
    const whole = await sandbox(fixture);
    try {
      const one = await claim(whole, embedding);
      await writeBlocks(one, embedding);
      await one.seal(provenanceFor(embedding));
      for (let blocks = 0; blocks <= 4; blocks++)
        await writeBlocks(await claim(box, embedding, `at ${blocks}`), embedding, blocks);
      const last = await claim(box, embedding, 'at 4');
      await last.seal(provenanceFor(embedding));
      expect(await filesBelow(await arrayFolder(embedding))).toEqual(await readSealed(whole, embedding));
    } finally {
      await whole.remove();
    }
  });

  it.each([PCA, GS])('computes a damaged block again: $key', async (embedding) => {
    await writeBlocks(await claim(box, embedding, 'first'), embedding);
    const file = await blockFile(embedding, 1);
    await truncate(file, (await stat(file)).size - 3);
    await writeFile(`${await blockFile(embedding, 2)}.partial`, 'left by a kill');
    expect((await claim(box, embedding, 'second')).done).toEqual(new Set([0, 2, 3]));
    expect(Object.keys(await filesBelow(await arrayFolder(embedding))).some((name) => name.endsWith('.partial'))).toBe(
      false,
    );
  });

  it.each([PCA, GS])('goes on in the middle of a block, after its saved rows: $key', async (embedding) => {
    const first = await claim(box, embedding, 'first');
    await writeBlocks(first, embedding, 1);
    const values = valuesOf(embedding);
    const rows = (from: number, to: number) => values.subarray(from * embedding.dim, to * embedding.dim);
    await first.saveRows(1, rows(16, 19));
    await first.saveRows(1, rows(19, 26));
    await first.saveRows(3, rows(48, 50));
    const second = await claim(box, embedding, 'second');
    expect([second.done, [0, 1, 2, 3].map((block) => second.savedRows(block))]).toEqual([new Set([0]), [0, 10, 0, 2]]);
    const saved = new Float32Array(16 * embedding.dim);
    await second.readSaved(1, saved);
    expect(saved.subarray(0, 10 * embedding.dim)).toEqual(rows(16, 26));
    await second.writeBlock(1, rows(16, 32));
    expect(second.savedRows(1)).toBe(0);
    const third = await claim(box, embedding, 'third');
    expect([third.done, third.savedRows(3)]).toEqual([new Set([0, 1]), 2]);
    expect(Object.keys(await filesBelow(box.staging)).filter((name) => name.includes('/begun/'))).toHaveLength(1);
  });

  it('believes saved rows only up to a damaged or a missing piece', async () => {
    const first = await claim(box, PCA, 'first');
    for (const from of [0, 4, 8]) await first.saveRows(0, valuesOf(PCA).subarray(from * PCA.dim, (from + 4) * PCA.dim));
    const begun = join(dirname(await arrayFolder(PCA)), 'begun');
    await truncate(join(begun, '0.4-8'), 7);
    await writeFile(join(begun, '.0.12-16.abc.partial'), 'left by a kill');
    const second = await claim(box, PCA, 'second');
    expect(second.savedRows(0)).toBe(4);
    expect(await readdir(join(dirname(await arrayFolder(PCA)), 'begun'))).toEqual(['0.0-4']);
  });

  it.each([PCA, GS])('refuses what is not finite, and names row and column: $key', async (embedding) => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const staged = await claim(box, embedding);
      const values = valuesOf(embedding).slice(16 * embedding.dim, 32 * embedding.dim);
      values[7 * embedding.dim + 3] = value;
      const refusal = {
        type: 'InvalidInput',
        message: `The embedding ${embedding.key} is ${value} at row 23, column 3; finite values were expected`,
      };
      await expect(staged.writeBlock(1, values)).rejects.toMatchObject(refusal);
      await expect(staged.saveRows(1, values.subarray(0, 8 * embedding.dim))).rejects.toMatchObject(refusal);
      expect((await claim(box, embedding, 'next')).done.size).toBe(0);
    }
  });

  it('discards work of another signature or layout', async () => {
    await writeBlocks(await claim(box, PCA, 'first'), PCA);
    expect((await claim(box, { ...PCA, seed: 7 }, 'second')).done.size).toBe(0);
    await writeBlocks(await claim(box, PCA, 'third'), PCA);
    expect((await claim(box, { ...PCA, chunkRows: 8 }, 'fourth')).done.size).toBe(0);
  });

  it('fences an earlier attempt: it can neither write nor seal, and leaves nothing', async () => {
    const stale = await claim(box, GS, 'stale');
    await writeBlocks(stale, GS);
    const next = await claim(box, GS, 'next');
    const files = await filesBelow(box.staging);
    const taken = { type: 'StoreUnavailable', message: /taken over by another attempt/ };
    await expect(stale.writeBlock(3, valuesOf(GS).subarray(48 * GS.dim))).rejects.toMatchObject(taken);
    await expect(stale.writeBlock(0, valuesOf(GS).subarray(0, 16 * GS.dim))).rejects.toMatchObject(taken);
    expect(await filesBelow(box.staging)).toEqual(files);
    await expect(stale.saveRows(3, valuesOf(GS).subarray(48 * GS.dim, 49 * GS.dim))).rejects.toMatchObject(taken);
    await expect(stale.seal(provenanceFor(GS))).rejects.toMatchObject(taken);
    expect(await filesBelow(box.staging)).toEqual(files);
    expect(next.done.size).toBe(4);
  });

  it('refuses to be sealed without all blocks, and blocks of another size', async () => {
    const staged = await claim(box, PCA);
    await writeBlocks(staged, PCA, 3);
    await expect(staged.seal(provenanceFor(PCA))).rejects.toMatchObject({
      type: 'Internal',
      message: /3 of 4 row blocks/,
    });
    await expect(staged.writeBlock(3, new Float32Array(16 * PCA.dim))).rejects.toMatchObject({
      type: 'Internal',
      message: /expected 60 values, found 80/,
    });
    await expect(staged.writeBlock(4, new Float32Array(0))).rejects.toMatchObject({ type: 'Internal' });
  });

  it('pads the last raw block without using space on disk for it', async () => {
    const wide: Embedding = { ...PCA, chunkRows: 65536, dim: 64 };
    await writeBlocks(await claim(box, wide), wide);
    const { size, blocks } = await stat(await blockFile(wide, 0));
    expect(size).toBe(65536 * 64 * 4);
    expect(blocks * 512).toBeLessThan(100_000);
    const bytes = await readFile(await blockFile(wide, 0));
    expect(new Float32Array(bytes.buffer, bytes.byteOffset, 60 * 64)).toEqual(valuesOf(wide));
  });
});

async function readSealed(box: Sandbox, embedding: Embedding): Promise<Record<string, string>> {
  const key = join(box.staging, embedding.key);
  const [attempt] = await readdir(key);
  return filesBelow(join(key, attempt!, 'array'));
}
