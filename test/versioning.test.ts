import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { built } from '../core/package-root.js';
import { buildIdOf, deploymentOptions, ensureCurrentVersion } from '../server/deployment.js';
import { CommandLine } from './command-line.js';
import { type SmallDataset, smallDataset } from './small-dataset.js';
import { startTestServer, type TestServer } from './temporal/server.js';

let server: TestServer;
let dataset: SmallDataset;
const running: CommandLine[] = [];
beforeAll(async () => {
  server = await startTestServer();
  dataset = await smallDataset(
    { 'train/chunk_0.zarr': 'pbmc-24/chunk_0.zarr' },
    'embedding_cpu: { methods: [gs] }\nembedding_gpu: { methods: [gs10k] }\n',
  );
});
afterEach(async () => {
  for (const command of running) command.terminate();
  await Promise.all(running.splice(0).map(({ ended }) => ended));
});
afterAll(async () => {
  await server.stop();
  await dataset.remove();
});

function start(prefix: string, ...argv: string[]): CommandLine {
  const command = new CommandLine(argv, { TEMPORAL_ADDRESS: server.address, OBSMITH_QUEUE_PREFIX: prefix });
  running.push(command);
  return command;
}

const run = (prefix: string, workflowId: string) =>
  start(prefix, 'run', dataset.config, '--overwrite', '--no-workers', '--workflow-id', workflowId, '--json').ended;
const versionOf = async (workflowId: string) =>
  (await server.client.workflow.getHandle(workflowId).describe()).raw.workflowExecutionInfo?.versioningInfo;

it('a build id changes with the workflow code', () => {
  expect(buildIdOf('a')).toMatch(/^\d+\.\d+\.\d+-[0-9a-f]{12}$/);
  expect(buildIdOf('a')).toBe(buildIdOf('a'));
  expect(buildIdOf('a')).not.toBe(buildIdOf('b'));
});

it('the first versioned workers become current by themselves, and runs are theirs', async () => {
  const cpu = start('first-', 'worker', 'cpu', '--versioned');
  start('first-', 'worker', 'gpu', '--device', 'cpu', '--versioned');
  await cpu.said(/this version of the workers is current/);
  const { code } = await run('first-', 'versioned');
  expect(code).toBe(0);
  const { version } = deploymentOptions('first-obsmith', built('workflow-bundle.js'), true);
  expect(await versionOf('versioned')).toMatchObject({ behavior: 2, deploymentVersion: version });
});

it('a later version leaves the current one as it is', async () => {
  const current = {
    useWorkerVersioning: false,
    version: { deploymentName: 'second-obsmith', buildId: '0.0.1-old' },
  } as const;
  const cpu = start('second-', 'worker', 'cpu', '--versioned');
  await cpu.said(/this version of the workers is current/);
  const { version } = deploymentOptions('second-obsmith', built('workflow-bundle.js'), true);
  const { connection } = server;
  expect(await ensureCurrentVersion(connection, 'default', current, new AbortController().signal)).toBe(
    version.buildId,
  );
});

it('workers without the flag serve plain starts at once', async () => {
  start('plain-', 'worker', 'cpu');
  start('plain-', 'worker', 'gpu', '--device', 'cpu');
  const { code } = await run('plain-', 'plain');
  expect(code).toBe(0);
  expect((await versionOf('plain'))?.behavior ?? 0).toBe(0);
});
