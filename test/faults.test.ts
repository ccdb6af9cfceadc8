import { afterAll, beforeAll, expect, it } from 'vitest';
import { CASES, type FaultCase } from '../scripts/faults/cases.js';
import { type PlayedCase, playCase } from '../scripts/faults/play-case.js';
import { startTestServer, type TestServer } from './temporal/server.js';

/** The cases of `npm run faults` that differ in what becomes of them. */
let server: TestServer;
let undisturbed: PlayedCase;
beforeAll(async () => {
  server = await startTestServer();
  undisturbed = await play('none');
});
afterAll(() => server.stop());

const play = (name: keyof typeof CASES): Promise<PlayedCase> =>
  playCase(server.client, server.address, name, CASES[name] as FaultCase);

function expectSameBytes({ state, values }: PlayedCase): void {
  expect(state).toBe('computed');
  for (const rows of values) expect(rows).toEqual(undisturbed.values[0]);
}

it('out of memory: the batch is halved as the history shows, rows that were computed stay, and other chunks begin with what fits', async () => {
  const played = await play('outOfMemory');
  expectSameBytes(played);
  expect(played.activities).toEqual([
    { chunk: 0, batchSize: 16, attempts: 1, error: 'CudaOutOfMemory' },
    { chunk: 0, batchSize: 8, attempts: 1, error: 'CudaOutOfMemory' },
    { chunk: 0, batchSize: 4, attempts: 1, error: null },
    { chunk: 1, batchSize: 4, attempts: 1, error: null },
  ]);
  expect(played.passes.slice(0, 2)).toEqual([16, 8]);
  expect(new Set(played.passes.slice(2))).toEqual(new Set([4]));
  expect(played).toMatchObject({ processes: 3, worker: null });
}, 120_000);

it('out of memory with a single cell: fails with advice', async () => {
  const { activities, failure } = await play('neverFits');
  expect(activities.map(({ batchSize, attempts }) => [batchSize, attempts])).toEqual(
    [16, 8, 4, 2, 1].map((size) => [size, 1]),
  );
  expect(failure).toMatchObject({
    type: 'CudaOutOfMemory',
    message: expect.stringMatching(
      /^CUDA out of memory on cuda:0: .*\(a single cell\).*more memory or a smaller model/,
    ),
  });
}, 120_000);

it('a device error: the next attempt runs in a new process and goes on after the rows that were saved', async () => {
  const played = await play('aborted');
  expectSameBytes(played);
  expect(played.activities).toEqual([{ chunk: 0, batchSize: 16, attempts: 2, error: null }]);
  expect(played).toMatchObject({ processes: 2, worker: null });
}, 120_000);

it('a device that fails again and again: three attempts, and the worker stops and says why', async () => {
  const { activities, processes, failure, worker } = await play('broken');
  expect(activities).toEqual([{ chunk: 0, batchSize: 16, attempts: 3, error: 'CudaDeviceError' }]);
  expect(processes).toBe(3);
  expect(failure).toMatchObject({ type: 'CudaDeviceError', message: expect.stringContaining('nvidia-smi -q') });
  expect(worker?.code).toBe(1);
  expect(worker?.said).toMatch(/This worker stopped: cuda:0 failed 3 times in a row.*illegal memory access/);
}, 120_000);

it('a permission that is lost in the middle is waited for, bad input never', async () => {
  const played = await play('permissionLost');
  expectSameBytes(played);
  expect(played.activities).toMatchObject([{ attempts: 3, error: null }]);
  const { activities, failure } = await play('badInput');
  expect(activities).toMatchObject([{ attempts: 1, error: 'InvalidInput' }]);
  expect(failure?.type).toBe('InvalidInput');
}, 120_000);
