import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { isRunning } from '../machine/process-running.js';
import { PACKAGE_ROOT } from '../package-root.js';
import { runInProcess, stopIdleProcesses } from './run-in-process.js';

/** Processes that were started, in order. */
const started = vi.hoisted(() => [] as (ChildProcess & { readonly pid: number })[]);
const options = vi.hoisted(() => ({ env: {} as NodeJS.ProcessEnv }));

vi.mock('node:child_process', async (original) => {
  const real = await original<{ fork: typeof fork }>();
  const noted = (path: string, forkOptions: ForkOptions) => {
    const child = real.fork(path, [], { ...forkOptions, env: { ...process.env, ...options.env } });
    started.push(child as never);
    return child;
  };
  return { ...real, fork: noted };
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-process-'));
});
beforeEach(async () => {
  await stopIdleProcesses();
  started.length = 0;
  options.env = {};
});
afterAll(async () => {
  await stopIdleProcesses();
  await rm(folder, { recursive: true });
});

const probe = () => runInProcess('probeDevice', { device: 'cpu' });

it('keeps its process for the next task, and replaces one that ended meanwhile', async () => {
  await probe();
  await probe();
  expect(started).toHaveLength(1);
  started[0]!.kill('SIGKILL');
  await vi.waitFor(() => expect(started[0]!.signalCode).toBe('SIGKILL'), { timeout: 20_000 });
  await probe();
  expect(started).toHaveLength(2);
});

it('keeps type, message and remedy of errors, and the process where the device is well', async () => {
  const missing = { request: { config: join(folder, 'absent.yaml') }, folder };
  await expect(runInProcess('planRun', missing)).rejects.toMatchObject({
    type: 'InvalidConfig',
    message: expect.stringContaining('absent.yaml'),
  });
  await probe();
  expect(started).toHaveLength(1);
});

it.each([
  ['SIGABRT', 'CudaDeviceError', /SIGABRT/],
  ['SIGSEGV', 'CudaDeviceError', /SIGSEGV/],
  ['SIGKILL', 'Internal', /SIGKILL/],
] as const)(
  'a process that ends by %s during a task is %s, and the next task gets another',
  async (signal, type, said) => {
    const task = probe();
    started[0]!.kill(signal);
    await expect(task).rejects.toMatchObject({ type, message: expect.stringMatching(said) });
    await probe();
    expect(started).toHaveLength(2);
  },
);

it('a cancelled task whose process does not answer, as inside a driver, is killed after the grace', async () => {
  const controller = new AbortController();
  const task = runInProcess('probeDevice', { device: 'cpu' }, { signal: controller.signal });
  started[0]!.kill('SIGSTOP');
  controller.abort();
  await expect(task).rejects.toMatchObject({ type: 'Cancelled' });
  expect(isRunning(started[0]!.pid)).toBe(false);
  await probe();
  expect(started).toHaveLength(2);
}, 20_000);

it('starts nothing for a task that is cancelled already', async () => {
  const refused = runInProcess('probeDevice', { device: 'cpu' }, { signal: AbortSignal.abort() });
  await expect(refused).rejects.toMatchObject({ type: 'Cancelled' });
  expect(started).toEqual([]);
});

it('ends with the process that it belongs to, whatever ends that', async () => {
  const owner = fork(join(PACKAGE_ROOT, 'test/process-owner.ts'), { execArgv: ['--import', 'tsx'] });
  const child = await new Promise<number>((resolve) => owner.on('message', (pid) => resolve(Number(pid))));
  expect(isRunning(child)).toBe(true);
  owner.kill('SIGKILL');
  await vi.waitFor(() => expect(isRunning(child)).toBe(false), { timeout: 20_000 });
}, 30_000);
