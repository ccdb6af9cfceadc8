import { relative } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { embedDataset } from '../workflows/embed-dataset.js';
import { CommandLine } from './command-line.js';
import { type SmallDataset, smallDataset } from './small-dataset.js';
import { startTestServer, type TestServer } from './temporal/server.js';

vi.setConfig({ testTimeout: 120_000 });

let server: TestServer;
let dataset: SmallDataset;
let worker: CommandLine;

beforeAll(async () => {
  server = await startTestServer();
  // No GPU worker runs, so that the run goes on.
  dataset = await smallDataset({ 'train/chunk_0.zarr': 'pbmc-24/chunk_0.zarr' }, 'embedding_gpu: { methods: [gs] }\n');
  worker = new CommandLine(['worker', 'cpu'], { TEMPORAL_ADDRESS: server.address });
});
afterAll(async () => {
  worker.interrupt();
  await worker.ended;
  await server.stop();
  await dataset.remove();
});

async function run(...argv: string[]): Promise<{ code: number; document: Record<string, unknown> }> {
  vi.stubEnv('TEMPORAL_ADDRESS', server.address);
  const { code, out } = await dataset.cli('run', dataset.config, '--detach', '--json', ...argv);
  vi.unstubAllEnvs();
  return { code, document: JSON.parse(out) };
}

it('joins a run that the Temporal CLI began with a path relative to the worker, and none that does something else', async () => {
  const config = relative(process.cwd(), dataset.config);
  const handle = await server.client.workflow.start<typeof embedDataset>('embedDataset', {
    ...{ taskQueue: 'obsmith', workflowId: 'embed-toy', args: [{ config }] },
  });
  const joined = { code: 0, document: { workflowId: 'embed-toy', runId: handle.firstExecutionRunId } };
  const refused = { code: 2, document: { error: { message: expect.stringContaining('with another request') } } };
  expect(await run()).toMatchObject(joined);
  expect(await run('--set', 'max_open_chunks=64')).toMatchObject(joined); // As it is by default.
  expect(await run('--set', 'max_open_chunks=3')).toMatchObject(refused);
  expect(await run('--methods', 'gs')).toMatchObject(refused);
  await dataset.configure('embedding_gpu: { methods: [gs, gs10k] }\n');
  expect(await run()).toMatchObject(refused);
  await handle.cancel();
  await expect(handle.result()).rejects.toThrow();
});
