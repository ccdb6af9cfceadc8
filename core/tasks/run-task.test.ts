import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadPlan } from '../plan/load-plan.js';
import { runTask } from './run-task.js';
import { stopIdleThreads } from './thread-lanes.js';

let base: string;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-tasks-'));
  await cp(
    join(import.meta.dirname, '../../test/fixtures/pbmc-24/chunk_0.zarr'),
    join(base, 'processed/train/toy/train/chunk_0.zarr'),
    {
      recursive: true,
    },
  );
  await writeFile(
    join(base, 'conf.yaml'),
    `dataset: { name: toy }\nbase_file_path: ${base}\nembedding_cpu: { methods: [gs] }\n`,
  );
});

afterAll(async () => {
  await stopIdleThreads();
  await rm(base, { recursive: true });
});

const plan = () => runTask('planRun', { request: { config: join(base, 'conf.yaml') }, folder: base });

test('a thread that was used answers the next task', async () => {
  const first = await plan();
  const second = await plan();
  expect(second.plan).not.toBe(first.plan);
  expect((await loadPlan(second)).plan.chunkCount).toBe(1);
});

test('progress reaches the caller', async () => {
  const { base: folder, plan: id } = await plan();
  const seen: [number, number][] = [];
  await runTask(
    'scanChunk',
    { base: folder, plan: id, chunk: 0 },
    { onProgress: (done, total) => seen.push([done, total]) },
  );
  expect(seen.at(-1)).toEqual([24, 24]);
});

test('errors keep type, message and remedy, and the thread stays usable', async () => {
  const missing = { request: { config: join(base, 'absent.yaml') }, folder: base };
  await expect(runTask('planRun', missing)).rejects.toMatchObject({
    type: 'InvalidConfig',
    message: expect.stringContaining('absent.yaml'),
  });
  await expect(plan()).resolves.toMatchObject({ dataset: 'toy' });
});

test('an aborted signal cancels', async () => {
  await expect(
    runTask('planRun', { request: { config: 'x' }, folder: base }, { signal: AbortSignal.abort() }),
  ).rejects.toMatchObject({
    type: 'Cancelled',
  });
});
