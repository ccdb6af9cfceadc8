import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import {
  CHUNK,
  claim,
  type Embedding,
  filesBelow,
  GS,
  PCA,
  provenanceFor,
  publish,
  type Sandbox,
  STAGING,
  sandbox,
  stageAndSeal,
  valuesOf,
} from '../../../test/publishing.js';
import { QUIET } from '../../tasks/types.js';
import { listedKeys } from '../obsm/listing.js';
import { embeddingRows, readObsmNode } from '../obsm/obsm-array.js';
import { storeExists } from '../obsm/store-exists.js';
import { repairChunk } from './publish-array.js';
import { stageInput } from './stage-input.js';

const CHILD = fileURLToPath(new URL('../../../test/publish-child.ts', import.meta.url));
const boxes: Sandbox[] = [];
async function box(fixture: string): Promise<Sandbox> {
  const made = await sandbox(fixture);
  boxes.push(made);
  return made;
}
afterEach(async () => {
  for (const made of boxes.splice(0)) await made.remove();
});

/** Reads what the store lists, absent chunks as fill values, as zarr-python does; returns the keys that it saw. */
async function seenBy({ output }: Sandbox, embeddings: readonly Embedding[]): Promise<string[]> {
  if (!(await storeExists(output))) return [];
  const listed = listedKeys(output);
  const seen: string[] = [];
  for (const embedding of embeddings) {
    if (!listed?.has(embedding.key)) continue;
    const node = readObsmNode(output, embedding.key);
    if (node === null || node === 'group') throw new Error(`obsm/${embedding.key} is listed but absent`);
    const values: number[] = [];
    for await (const rows of embeddingRows(node, 'fill')) values.push(...rows.values);
    expect(Float32Array.from(values)).toEqual(valuesOf(embedding));
    seen.push(embedding.key);
  }
  return seen;
}

/** Runs the child until it ends, or kills it after so many milliseconds of work. */
async function runChild(base: string, attempt: string, killAfter: number | null): Promise<number | null> {
  const child = spawn(process.execPath, ['--import', 'tsx', CHILD, base, attempt, '8'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), exit]);
  if (killAfter !== null) {
    await sleep(killAfter);
    child.kill('SIGKILL');
  }
  const [code] = await exit;
  return code;
}

describe.each(['v2.zarr', 'v3.zarr'])('publishing into a copy of %s', (fixture) => {
  // X_pca is inherited from the input until it is replaced, so only the new key is compared while it happens.
  it('leaves nothing partial behind five kills, and ends with the same files', async () => {
    const made = await box(fixture);
    for (let kill = 0; kill < 5; kill++) {
      await runChild(made.base, `run ${kill}`, 20 + kill * 37);
      await seenBy(made, [GS]);
    }
    expect(await runChild(made.base, 'last', null)).toBe(0);
    expect(await seenBy(made, [GS, PCA])).toEqual(['X_gs', 'X_pca']);
    const reference = await box(fixture);
    for (const embedding of [GS, PCA]) {
      await stageAndSeal(reference, embedding);
      await publish(reference, embedding);
    }
    expect(await filesBelow(made.output)).toEqual(await filesBelow(reference.output));
    expect(await repairChunk(made.base, CHUNK.output, QUIET)).toBe(false);
  }, 120_000);

  it('shows a reader each new array at once and whole', async () => {
    const made = await box(fixture);
    const embeddings: Embedding[] = [1, 2, 3, 4].map((seed) => ({ ...GS, key: `X_${seed}`, seed }));
    let running = true;
    const counts: number[] = [];
    const reader = (async () => {
      while (running) {
        counts.push((await seenBy(made, embeddings)).length);
        await sleep(1);
      }
    })();
    for (const embedding of embeddings) {
      await stageAndSeal(made, embedding);
      await publish(made, embedding);
      // The reader has looked before the next one comes.
      while (counts.at(-1) !== embeddings.indexOf(embedding) + 1) await sleep(1);
    }
    running = false;
    await reader;
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(await seenBy(made, embeddings)).toHaveLength(4);
  });

  it('publishes from two waves into one chunk at the same time', async () => {
    const made = await box(fixture);
    const embeddings: Embedding[] = [1, 2, 3].map((seed) => ({ ...GS, key: `X_${seed}`, seed }));
    await Promise.all(
      embeddings.map(async (embedding) => {
        await stageAndSeal(made, embedding);
        await publish(made, embedding);
      }),
    );
    expect(await seenBy(made, embeddings)).toHaveLength(3);
    expect(await storeExists(`${made.staging}/store.zarr`)).toBe(false);
  });

  it('copies the input once where several attempts stage it at the same time', async () => {
    const made = await box(fixture);
    const stage = () => stageInput({ base: made.base, chunk: CHUNK, staging: STAGING }, QUIET);
    await Promise.all([stage(), stage(), stage()]);
    const staged = await claim(made, GS);
    for (let at = 0; at < staged.blocks; at++) {
      await staged.writeBlock(at, valuesOf(GS).subarray(at * 16 * GS.dim, (at + 1) * 16 * GS.dim));
    }
    await staged.seal(provenanceFor(GS));
    await publish(made, GS);
    expect(await seenBy(made, [GS])).toEqual(['X_gs']);
  });
});
