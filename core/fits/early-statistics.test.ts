import { copyFile, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type SmallDataset, smallDataset } from '../../test/small-dataset.js';
import type { RoundInput } from '../tasks/definitions.js';
import { runInline } from '../tasks/run-inline.js';
import { QUIET } from '../tasks/types.js';

const datasets: SmallDataset[] = [];

afterEach(async () => {
  for (const dataset of datasets.splice(0)) await dataset.remove();
});

interface Scanned {
  readonly dataset: SmallDataset;
  readonly round: RoundInput & { position: number };
}

/** A data set of one chunk of 24 cells, planned and scanned. Its fits are still to be resolved. */
async function scanned(): Promise<Scanned> {
  const dataset = await smallDataset(
    { 'train/chunk_0.zarr': 'pbmc-24/chunk_0.zarr' },
    'batch_key: batch\nembedding_cpu: { methods: [hvg, pca], embedding_dim_map: { pca: 5 } }\n',
  );
  datasets.push(dataset);
  const { base, plan } = await runInline(
    'planRun',
    { request: { config: dataset.config }, folder: dataset.base },
    QUIET,
  );
  await runInline('scanChunk', { base, plan, chunk: 0 }, QUIET);
  return { dataset, round: { base, plan, round: 'gene-statistics', method: 'hvg', position: 0 } };
}

const sumsBelow = async (dataset: SmallDataset, folder: string): Promise<string[]> => {
  const entries = await readdir(join(dataset.base, '.obsmith', folder), { recursive: true }).catch(() => []);
  return entries.filter((name) => name.endsWith('.sums')).map((name) => join(dataset.base, '.obsmith', folder, name));
};

/** The chunk's partial of the round, and whether the sums of its scan became that. */
async function partialOf({ dataset, round }: Scanned): Promise<{ partial: Buffer; accumulated: boolean }> {
  const { rounds } = await runInline('resolveFits', round, QUIET);
  const { accumulated } = rounds[0]!;
  if (!accumulated) await runInline('accumulateRound', round, QUIET);
  const [file] = await sumsBelow(dataset, 'rounds');
  return { partial: await readFile(file!), accumulated };
}

describe('gene statistics of a scan', () => {
  it('are those that a round would sum, byte for byte, and are used up by it', async () => {
    const withEarly = await scanned();
    expect(await sumsBelow(withEarly.dataset, 'staging')).toHaveLength(1);
    const without = await scanned();
    for (const file of await sumsBelow(without.dataset, 'staging')) await rm(file);
    const [early, summed] = [await partialOf(withEarly), await partialOf(without)];
    expect([early.accumulated, summed.accumulated]).toEqual([true, false]);
    expect(early.partial.equals(summed.partial)).toBe(true);
    expect(await sumsBelow(withEarly.dataset, 'staging')).toEqual([]);
  });

  it('are found again where fits are resolved again', async () => {
    const once = await scanned();
    const { partial } = await partialOf(once);
    const again = await partialOf(once);
    expect(again.accumulated).toBe(true);
    expect(again.partial.equals(partial)).toBe(true);
  });

  it('are left alone where the chunk changed since, and was scanned again', async () => {
    const { partial } = await partialOf(await scanned());
    const changed = await scanned();
    const [early] = await sumsBelow(changed.dataset, 'staging');
    await writeFile(early!, 'sums of something else');
    await utimes(changed.dataset.input('train/chunk_0.zarr/X/data/0'), 1, 1);
    const { base, plan } = changed.round;
    await runInline('scanChunk', { base, plan, chunk: 0 }, QUIET);
    expect((await partialOf(changed)).partial.equals(partial)).toBe(true);
    expect(await readFile(early!, 'utf8')).toBe('sums of something else');
  });

  it('are not made where expression comes from counts', async () => {
    const counts = await smallDataset(
      { 'train/chunk_0.zarr': 'pbmc-24/chunk_0.zarr' },
      'embedding_cpu: { methods: [hvg] }\n',
    );
    datasets.push(counts);
    const store = counts.input('train/chunk_0.zarr');
    for (const name of await readdir(join(store, 'layers/counts/data'))) {
      await copyFile(join(store, 'layers/counts/data', name), join(store, 'X/data', name));
    }
    const request = { config: counts.config };
    const { base, plan } = await runInline('planRun', { request, folder: counts.base }, QUIET);
    await runInline('scanChunk', { base, plan, chunk: 0 }, QUIET);
    expect(await sumsBelow(counts, 'staging')).toEqual([]);
  });
});
