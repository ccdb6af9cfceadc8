import { mkdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  blockFile,
  CELLS,
  CHUNK,
  type Embedding,
  FIXTURES,
  filesBelow,
  GS,
  PCA,
  provenanceFor,
  publish,
  type Sandbox,
  sandbox,
  stageAndSeal,
} from '../../../test/publishing.js';
import { arrayMetadata, chunkPath, writeNodeMetadata } from '../zarr-write/metadata.js';
import { ARRAY_ENCODING } from '../zarr-write/vector-writer.js';
import { arrayState, type ExpectedArray, examineArray } from './array-state.js';

const expected = (embedding: Embedding, changes: Partial<ExpectedArray> = {}): ExpectedArray => ({
  rows: CELLS,
  dim: embedding.dim,
  provenance: provenanceFor(embedding),
  adoptable: true,
  ...changes,
});

describe.each(['v2.zarr', 'v3.zarr'])('the state of arrays in a copy of %s', (fixture) => {
  let box: Sandbox;
  const state = (embedding: Embedding, changes?: Partial<ExpectedArray>) =>
    arrayState(box.output, embedding.key, expected(embedding, changes));
  const block = (key: string, at: number) => blockFile(box, fixture, key, at);
  const record = () => join(box.base, '.obsmith/outputs', CHUNK.output, 'X_gs.json');
  beforeEach(async () => {
    box = await sandbox(fixture);
    for (const embedding of [GS, { ...PCA, key: 'X_other' }]) {
      await stageAndSeal(box, embedding);
      await publish(box, embedding);
    }
  });
  afterEach(() => box.remove());

  it('is missing without output or array', async () => {
    expect(await state({ ...GS, key: 'X_absent' })).toMatchObject({ state: 'missing' });
    expect(await arrayState(join(box.base, 'nowhere.zarr'), 'X_gs', expected(GS))).toMatchObject({ state: 'missing' });
  });

  it('is stale by what changed in the provenance', async () => {
    const provenance = { ...provenanceFor(GS), inputDigest: 'changed' };
    expect(await state(GS, { provenance })).toEqual({
      state: 'stale',
      reason: 'inputDigest was "input-2", is now "changed"',
    });
    const parameters = { dim: 7, more: ['a'] };
    expect(await state(GS, { provenance: { ...provenanceFor(GS), parameters } })).toMatchObject({
      reason: `parameters.dim was ${GS.dim}, is now 7; parameters.more was nothing, is now ["a"]`,
    });
    expect(await state(GS, { provenance: { ...provenanceFor(GS), inputDigest: 'ab'.repeat(32) } })).toMatchObject({
      reason: 'inputDigest was "input-2", is now abababababab...',
    });
    expect(await state(GS, { provenance: { ...provenanceFor(GS), fit: 'abc' } })).toMatchObject({
      state: 'stale',
      reason: /fit was nothing, is now "abc"/,
    });
  });

  it('believes its record as long as the files look the same, and reads them again when they do not', async () => {
    expect(await state(GS)).toMatchObject({ state: 'complete' });
    const recorded = JSON.parse(await readFile(record(), 'utf8'));
    await writeFile(record(), JSON.stringify({ ...recorded, digest: 'believed' }));
    expect(await state(GS)).toMatchObject({ state: 'broken', reason: /digest believed/ });
    await utimes(block('X_gs', 0), new Date(), new Date(2020, 1));
    expect(await state(GS)).toMatchObject({ state: 'complete' });
    expect(JSON.parse(await readFile(record(), 'utf8')).digest).toBe(recorded.digest);
  });

  it('is complete without a record, which is then made, but not by a mere look', async () => {
    await rm(record());
    const before = await filesBelow(box.base);
    expect(await examineArray(box.output, 'X_gs', expected(GS))).toMatchObject({ state: 'complete' });
    expect(await filesBelow(box.base)).toEqual(before);
    expect(await state(GS)).toMatchObject({ state: 'complete' });
    expect(Object.keys(await filesBelow(box.base))).toHaveLength(Object.keys(before).length + 1);
  });

  it('is broken where a block is damaged, missing or changed', async () => {
    const raw = block('X_other', 0);
    const bytes = await readFile(raw);
    bytes[5]! ^= 1;
    await writeFile(raw, bytes);
    expect(await state({ ...PCA, key: 'X_other' })).toMatchObject({ state: 'broken', reason: /its provenance says/ });
    await writeFile(block('X_gs', 1), 'not zstd');
    expect(await state(GS)).toMatchObject({ state: 'broken', reason: /corrupt/ });
    await rm(block('X_gs', 1));
    expect(await state(GS)).toMatchObject({ state: 'broken', reason: /missing/ });
  });

  it('is broken with another shape', async () => {
    expect(await state(GS, { rows: 61 })).toMatchObject({ state: 'broken', reason: /\(60, 40\), expected \(61, 40\)/ });
  });

  it('is broken with unreadable metadata', async () => {
    await writeFile(join(box.output, 'obsm/X_gs', fixture === 'v2.zarr' ? '.zarray' : 'zarr.json'), '{');
    expect(await state(GS)).toMatchObject({ state: 'broken', reason: /not valid JSON/ });
  });

  it('does not count an inherited array', async () => {
    expect(await state(PCA)).toMatchObject({ state: 'inherited' });
  });
});

describe.each(['v2.zarr', 'v3.zarr', 'v3-sharded.zarr'])('an array of others in %s', (fixture) => {
  const store = join(FIXTURES, fixture);
  const pca = async (changes: Partial<ExpectedArray> = {}) =>
    examineArray(store, 'X_pca', { rows: CELLS, dim: 3, provenance: { method: 'pca' }, adoptable: true, ...changes });

  it('is adopted where it is valid', async () => {
    expect(await pca()).toMatchObject({ state: 'adopted' });
  });

  it.each([
    [0, 'rows of zeros'],
    [Number.NaN, 'not finite'],
    [Number.POSITIVE_INFINITY, 'not finite'],
  ])('is broken with a row of %d', async (value, reason) => {
    const box = await sandbox(fixture);
    try {
      const copy = join(box.base, CHUNK.input);
      const version = fixture.startsWith('v2') ? 'zarr-v2' : 'zarr-v3';
      const folder = join(copy, 'obsm/X_foreign');
      const array = {
        shape: [CELLS, 3],
        chunks: [CELLS, 3],
        dtype: 'float32',
        fillValue: 0,
        codec: 'raw',
        attributes: ARRAY_ENCODING,
      } as const;
      await writeNodeMetadata(folder, arrayMetadata(version, array));
      const values = new Float32Array(CELLS * 3).fill(1).fill(value, 30, 33);
      await mkdir(dirname(chunkPath(version, folder, [0, 0])), { recursive: true });
      await writeFile(chunkPath(version, folder, [0, 0]), new Uint8Array(values.buffer));
      const wanted = { rows: CELLS, dim: 3, provenance: {}, adoptable: true };
      expect(await examineArray(copy, 'X_foreign', wanted)).toMatchObject({
        state: 'broken',
        reason: expect.stringContaining(reason),
      });
    } finally {
      await box.remove();
    }
  });

  it('is stale where it may not be adopted', async () => {
    expect(await pca({ adoptable: false })).toMatchObject({ state: 'stale', reason: /no provenance/ });
  });
  it('is broken with another shape', async () => {
    expect(await pca({ dim: 50 })).toMatchObject({ state: 'broken' });
  });
});
