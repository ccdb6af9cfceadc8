import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { differing, runDigests } from '../scripts/digests/digests.js';

/** The short form of `npm run digests`. */
it('gives the same bytes with one and with three workers, and whatever the batch size', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'obsmith-digests-'));
  const methods = ['hvg', 'pca', 'gs', 'gs10k', 'scvi_fm'];
  try {
    const shared = { methods, chunkCells: 100, onRun: () => {} };
    const one = await runDigests({ ...shared, folder: join(folder, 'one'), workers: [1], batchSizes: [128] });
    const more = await runDigests({ ...shared, folder: join(folder, 'more'), workers: [3], batchSizes: [7] });
    expect(Object.keys(one[0]!.digests)).toEqual(methods);
    expect(differing([...one, ...more])).toEqual([]);
    expect(new Set(Object.values(one[0]!.digests)).size).toBe(methods.length);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 240_000);
