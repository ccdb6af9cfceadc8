import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { leaseFile } from '../core/dataset/layout.js';
import { type CommandEnd, commandLine } from './command-line.js';
import { type SmallDataset, smallDataset } from './small-dataset.js';

const CHUNKS = { 'train/chunk_0.zarr': 'pbmc-24/chunk_0.zarr', 'train/chunk_1.zarr': 'pbmc-24/chunk_0.zarr' };
const DAY_MS = 86_400_000;

let dataset: SmallDataset;
beforeEach(async () => {
  dataset = await smallDataset(CHUNKS, 'embedding_cpu: { methods: [gs10k] }\n');
});
afterEach(() => dataset.remove());

/** A run with a server of its own. */
const run = (id: string): Promise<CommandEnd> =>
  commandLine(['run', dataset.config, '--json', '--workflow-id', id], { OBSMITH_QUEUE_PREFIX: `${id}-` });

async function leaveLease(expires: Date): Promise<void> {
  const file = join(dataset.base, leaseFile('toy'));
  await mkdir(dirname(file), { recursive: true });
  const lease = { owner: 'embed-elsewhere', host: 'a-host-that-died', server: 'gone:7233/default', pid: null };
  await writeFile(file, JSON.stringify({ ...lease, expires: expires.toISOString() }));
}

it('lets one of two runs of two servers write, and refuses the other naming the holder', async () => {
  const ends = await Promise.all([run('left'), run('right')]);
  const won = ends.filter(({ code }) => code === 0);
  const refused = ends.filter(({ code }) => code !== 0);
  // The winner may be done before the other asks: then that one finds everything there.
  expect(won.length).toBeGreaterThan(0);
  for (const { err, out } of refused) expect(err + out).toMatch(/is being embedded by (left|right) on/);
  const computed = won.map(({ out }) => JSON.parse(out).methods.gs10k.computed);
  expect(computed.sort()).toEqual(won.length === 1 ? [2] : [0, 2]);
  await dataset.expectVisible({ 'train/chunk_0': ['X_gs10k'], 'train/chunk_1': ['X_gs10k'] });
}, 180_000);

it('takes over the lease of a host that died once it has expired, and not before', async () => {
  await leaveLease(new Date(Date.now() + DAY_MS));
  const held = await run('early');
  expect(held.code).toBe(2);
  expect(held.err + held.out).toContain('is being embedded by embed-elsewhere on a-host-that-died');
  await leaveLease(new Date(Date.now() - DAY_MS));
  const { code, out } = await run('late');
  expect([code, JSON.parse(out).status]).toEqual([0, 'completed']);
  await expect(readFile(join(dataset.base, leaseFile('toy')))).rejects.toMatchObject({ code: 'ENOENT' });
}, 180_000);
