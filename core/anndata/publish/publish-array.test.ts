import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  CELLS,
  CHUNK,
  claim,
  type Embedding,
  filesBelow,
  GS,
  PCA,
  provenanceFor,
  publish,
  requestFor,
  type Sandbox,
  STAGING,
  sandbox,
  stageAndSeal,
  valuesOf,
  writeBlocks,
} from '../../../test/publishing.js';
import { QUIET } from '../../tasks/types.js';
import { arrayState } from '../obsm/array-state.js';
import { listedKeys } from '../obsm/listing.js';
import { embeddingRows, inheritedKeys, readObsmNode } from '../obsm/obsm-array.js';
import { storeExists } from '../obsm/store-exists.js';
import { preparePublication } from './publish-array.js';
import { publishSteps } from './publish-steps.js';
import { repairOutput } from './repair-output.js';
import { stageInput } from './stage-input.js';

const boxes: Sandbox[] = [];
async function box(fixture?: string): Promise<Sandbox> {
  const made = await sandbox(fixture);
  boxes.push(made);
  return made;
}
afterEach(async () => {
  for (const made of boxes.splice(0)) await made.remove();
});

const FORMATS = ['v2.zarr', 'v3.zarr', 'v3-sharded.zarr'] as const;
const expected = (embedding: Embedding, adoptable = false) => ({
  rows: CELLS,
  dim: embedding.dim,
  provenance: provenanceFor(embedding),
  adoptable,
});

async function readBack(store: string, key: string): Promise<Float32Array> {
  const node = readObsmNode(store, key);
  if (node === null || node === 'group') throw new Error(`no obsm/${key}`);
  const parts: number[] = [];
  for await (const { values } of embeddingRows(node)) parts.push(...values);
  return Float32Array.from(parts);
}

/** An undisturbed publication of GS, then PCA. */
async function undisturbed(fixture: string): Promise<Sandbox> {
  const made = await box(fixture);
  for (const embedding of [GS, PCA]) {
    await stageAndSeal(made, embedding);
    await publish(made, embedding);
  }
  return made;
}

describe.each(FORMATS)('publishing into a copy of %s', (fixture) => {
  let reference: Record<string, string>;
  beforeAll(async () => {
    reference = await filesBelow((await undisturbed(fixture)).output);
  });

  it('makes the output appear with its first array, and holds the same values', async () => {
    const made = await box(fixture);
    await stageAndSeal(made, GS);
    await expect(readFile(join(made.output, 'obs/.zattrs'))).rejects.toThrow();
    const { digest, bytes } = await publish(made, GS);
    expect(await readBack(made.output, 'X_gs')).toEqual(valuesOf(GS));
    expect(bytes).toBeLessThan(CELLS * GS.dim * 4);
    expect(listedKeys(made.output)).toEqual(new Set(['X_gs', 'X_pca']));
    expect(inheritedKeys(made.output)).toEqual(['X_pca']);
    expect(readObsmNode(made.output, 'X_gs')).toMatchObject({
      shape: [60, 40],
      chunks: [16, 40],
      fillValue: 'NaN',
      attributes: {
        'encoding-type': 'array',
        'encoding-version': '0.2.0',
        obsmith: { ...provenanceFor(GS), digest, verify: `obsmith verify outputs ${CHUNK.output}` },
      },
    });
    expect(await arrayState(made.output, 'X_gs', expected(GS))).toMatchObject({ state: 'complete' });
  });

  it('replaces an inherited array and disowns it', async () => {
    const made = await box(fixture);
    await stageAndSeal(made, GS);
    await publish(made, GS);
    expect(await arrayState(made.output, 'X_pca', expected(PCA))).toMatchObject({ state: 'inherited' });
    await stageAndSeal(made, PCA);
    await publish(made, PCA);
    expect(inheritedKeys(made.output)).toEqual([]);
    expect(await readBack(made.output, 'X_pca')).toEqual(valuesOf(PCA));
    expect(await arrayState(made.output, 'X_pca', expected(PCA))).toMatchObject({ state: 'complete' });
  });

  const steps = ['check', 'repair', 'unlist', 'set aside', 'move in', 'disown', 'list', 'appear', 'record', 'clear'];
  const situations = { 'the first array': [], 'a further array': [GS], 'a replaced array': [GS, { ...PCA, seed: 9 }] };
  // Shards are a matter of the input's own arrays.
  const tested = fixture === 'v3-sharded.zarr' ? [] : Object.entries(situations);
  for (const [situation, earlier] of tested) {
    it.each(steps)(`resumes after a stop behind "%s" of ${situation} with the same files`, async (last) => {
      const made = await box(fixture);
      for (const embedding of earlier) {
        await stageAndSeal(made, embedding);
        await publish(made, embedding);
      }
      const embedding = situation === 'the first array' ? GS : PCA;
      await stageAndSeal(made, embedding);
      const stopped = publishSteps(await preparePublication(requestFor(made, embedding, 'killed'), QUIET));
      expect(stopped.map(({ name }) => name)).toEqual(steps);
      for (const step of stopped) {
        await step.run();
        await checkReaders(made);
        if (step.name === last) break;
      }
      await publish(made, embedding, 'next');
      if (situation === 'the first array') {
        await stageAndSeal(made, PCA);
        await publish(made, PCA);
      }
      expect(await filesBelow(made.output)).toEqual(reference);
      expect(await arrayState(made.output, embedding.key, expected(embedding))).toMatchObject({ state: 'complete' });
    });
  }
});

/** What a reader finds at any moment: every listed array is there and whole. */
async function checkReaders({ output }: Sandbox): Promise<void> {
  if (!(await storeExists(output))) return;
  for (const key of listedKeys(output) ?? []) {
    const values = await readBack(output, key);
    expect(values.some(Number.isNaN)).toBe(false);
  }
}

describe('publishing', () => {
  it('refuses a stale attempt at every step that moves something', async () => {
    const made = await box();
    await stageAndSeal(made, GS);
    const stale = publishSteps(await preparePublication(requestFor(made, GS, 'stale'), QUIET));
    const before = stale.findIndex(({ name }) => name === 'move in');
    for (const step of stale.slice(0, before)) await step.run();
    await publish(made, GS, 'newer');
    const files = await filesBelow(made.output);
    for (const step of stale.slice(before)) await step.run().catch(() => {});
    expect(await filesBelow(made.output)).toEqual(files);
  });

  it('answers a repeated attempt with the same digest', async () => {
    const made = await box();
    await stageAndSeal(made, GS);
    const first = await publish(made, GS, 'publish-1');
    expect(await publish(made, GS, 'publish-2')).toEqual(first);
  });

  it('finds nothing to publish before the array is sealed, and leaves its blocks alone', async () => {
    const made = await box();
    await stageInput({ base: made.base, chunk: CHUNK, staging: STAGING }, QUIET);
    const staged = await claim(made, GS);
    await writeBlocks(staged, GS, 2);
    await expect(publish(made, GS)).rejects.toMatchObject({
      type: 'StoreUnavailable',
      message: /no finished staged array X_gs/,
    });
    expect((await claim(made, GS, 'embed-2')).done).toEqual(new Set([0, 1]));
  });

  it('does not change the digest with chunk_rows and codec', async () => {
    const digests = new Set<string>();
    for (const variant of [{ chunkRows: 7 }, { chunkRows: 16384 }, { compressed: false }]) {
      const made = await box();
      const embedding = { ...GS, ...variant };
      await stageInput({ base: made.base, chunk: CHUNK, staging: STAGING }, QUIET);
      const staged = await claim(made, embedding);
      const values = valuesOf(GS);
      const length = staged.blockRows * GS.dim;
      for (let block = 0; block < staged.blocks; block++) {
        await staged.writeBlock(block, values.subarray(block * length, (block + 1) * length));
      }
      await staged.seal(provenanceFor(GS));
      digests.add((await publish(made, embedding)).digest);
    }
    expect(digests.size).toBe(1);
  });

  it('refuses an output of another zarr version', async () => {
    const made = await box('v3.zarr');
    await stageAndSeal(made, GS);
    await publish(made, GS);
    const v2 = await box('v2.zarr');
    await stageAndSeal(v2, PCA);
    await cp(made.output, v2.output, { recursive: true });
    await expect(publish(v2, PCA)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: /zarr-v3, but obsm\/X_pca was made as zarr-v2/,
    });
  });

  it('takes over the lock of a process that ended', async () => {
    const made = await box();
    await stageAndSeal(made, GS);
    const lock = join(made.base, '.obsmith/locks', `${CHUNK.output}.lock`);
    await mkdir(join(lock, '..'), { recursive: true });
    await writeFile(lock, JSON.stringify({ token: 'x', host: hostname(), pid: 2 ** 22 + 1 }));
    await expect(publish(made, GS)).resolves.toMatchObject({ digest: expect.any(String) });
  });
});

describe.each(FORMATS)('repairing a copy of %s', (fixture) => {
  it('unlists an array that was deleted, and relists it when it is back', async () => {
    const made = await undisturbed(fixture);
    expect(await repairOutput(made.output)).toBe(false);
    const files = await filesBelow(made.output);
    await rename(join(made.output, 'obsm/X_gs'), join(made.base, 'away'));
    expect(await repairOutput(made.output)).toBe(true);
    expect(listedKeys(made.output)).toEqual(new Set(['X_pca']));
    await rename(join(made.base, 'away'), join(made.output, 'obsm/X_gs'));
    expect(await arrayState(made.output, 'X_gs', expected(GS))).toMatchObject({
      state: 'broken',
      reason: /not listed/,
    });
    expect(await repairOutput(made.output)).toBe(true);
    expect(await filesBelow(made.output)).toEqual(files);
  });

  it('removes metadata files that a killed publisher was writing', async () => {
    const made = await undisturbed(fixture);
    const files = await filesBelow(made.output);
    for (const name of ['..zmetadata.1a2b3c4d.partial', 'obsm/.zarr.json.1a2b3c4d.partial'])
      await writeFile(join(made.output, name), '{');
    expect(await repairOutput(made.output)).toBe(false);
    expect(await filesBelow(made.output)).toEqual(files);
  });

  it('does not list an array of ours that lacks a row block', async () => {
    const made = await undisturbed(fixture);
    const block = fixture === 'v2.zarr' ? '1.0' : 'c/1/0';
    await rm(join(made.output, 'obsm/X_gs', block));
    expect(await arrayState(made.output, 'X_gs', expected(GS))).toMatchObject({
      state: 'broken',
      reason: /row block .* is missing/,
    });
    await repairOutput(made.output);
    expect(listedKeys(made.output)).toEqual(new Set(['X_pca']));
  });
});
