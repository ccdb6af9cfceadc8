import { cp, mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fitFolder, journalFolder, planFolder, runLogFolder, scanFile } from '../core/dataset/layout.js';
import { removeOldRuns } from '../core/dataset/remove-old-runs.js';
import { KEPT_PLANS } from '../core/dataset/unused-plans.js';
import { loadPlan } from '../core/plan/load-plan.js';
import { type SmallDataset, smallDataset } from './small-dataset.js';

const YAML = 'embedding_cpu: { methods: [hvg], embedding_dim_map: { hvg: 40 } }\n';

let dataset: SmallDataset;
beforeEach(async () => {
  dataset = await smallDataset({ 'train/chunk_0.zarr': 'pbmc-24/chunk_0.zarr' }, YAML);
});
afterEach(() => dataset.remove());

const below = async (folder: string): Promise<string[]> => (await readdir(join(dataset.base, folder))).sort();

const setFits = (id: string, fits: Record<string, string>) =>
  writeFile(join(dataset.base, planFolder(id), 'fits.json'), JSON.stringify({ fits, rounds: {} }));

/** Copies of a plan with older ids, the oldest first, whose runs decided on no fits. */
async function olderPlans(id: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, n) => `2001${String(n).padStart(4, '0')}T000000Z-00000a`);
  for (const old of ids) {
    await cp(join(dataset.base, planFolder(id)), join(dataset.base, planFolder(old)), { recursive: true });
    await setFits(old, {});
    await mkdir(join(dataset.base, journalFolder(old)), { recursive: true });
  }
  return ids;
}

it('the end of a run removes plans and journals but the newest, and fits that nothing refers to', async () => {
  const first = (await dataset.run()).overview.plan;
  const [fit] = await below('.obsmith/fits');
  const ids = await olderPlans(first, KEPT_PLANS);
  await setFits(ids[0]!, { hvg: 'lost', pca: fit! });
  await setFits(ids[1]!, { hvg: 'known' });
  await setFits(ids[2]!, { hvg: 'known' });
  await setFits(first, {});
  for (const name of ['lost', 'known', 'of-nobody']) await mkdir(join(dataset.base, fitFolder(name)));
  await mkdir(join(dataset.base, '.obsmith/plans/notes'));

  await dataset.configure('embedding_cpu: { methods: [gs] }\n');
  const last = (await dataset.run()).overview.plan;
  const left = [...ids.slice(2), first, last].sort();
  expect(await below('.obsmith/plans')).toEqual([...left, 'notes']);
  expect(await below('.obsmith/journal')).toEqual(left);
  // An array still stands on the first fit, although no plan that is left knows it.
  expect(await below('.obsmith/fits')).toEqual([fit, 'known', 'of-nobody'].sort());
});

it('scans of chunks that are gone go, others stay', async () => {
  const { overview } = await dataset.run();
  const loaded = await loadPlan({ base: dataset.base, plan: overview.plan });
  const scan = join(dataset.base, scanFile('toy', 'train/chunk_0'));
  for (const chunk of ['train/chunk_1', 'val/chunk_0']) {
    await mkdir(join(dataset.base, scanFile('toy', chunk), '..'), { recursive: true });
    await cp(scan, join(dataset.base, scanFile('toy', chunk)));
  }
  await mkdir(dataset.input('val/chunk_0.h5ad'), { recursive: true });
  await writeFile(join(dataset.base, '.obsmith/scans/toy/train/notes.txt'), '');
  await removeOldRuns(loaded);
  expect(await below('.obsmith/scans/toy/train')).toEqual(['chunk_0.json', 'notes.txt']);
  expect(await below('.obsmith/scans/toy/val')).toEqual(['chunk_0.json']);
});

it('logs of a workflow id stay of the newest runs; foreign files among them stay', async () => {
  const { overview } = await dataset.run();
  const { base, plan } = await loadPlan({ base: dataset.base, plan: overview.plan });
  const logs = (run: string) => runLogFolder('embed-toy', run);
  const runs = Array.from({ length: 25 }, (_, n) => `run-${String(n).padStart(2, '0')}`);
  for (const [n, run] of runs.entries()) {
    await mkdir(join(base, logs(run), 'embedding_cpu/train'), { recursive: true });
    for (const file of ['run.log', 'summary.json', 'embedding_cpu/train/chunk_0.log'])
      await writeFile(join(base, logs(run), file), '');
    if (n === 1) await writeFile(join(base, logs(run), 'mine.txt'), '');
    await utimes(join(base, logs(run)), n, n);
  }
  const run = { workflowId: 'embed-toy', runId: 'run-02', logs: logs('run-02') };
  await removeOldRuns({ base, plan: { ...plan, run } });
  expect(await below('.obsmith/runs/embed-toy')).toEqual(['run-01', 'run-02', ...runs.slice(6)]);
  expect(await below(logs('run-01'))).toEqual(['mine.txt']);

  await removeOldRuns({ base, plan: { ...plan, run: { ...run, logs: '/elsewhere' } } });
  expect(await below('.obsmith/runs/embed-toy')).toHaveLength(21);
});
