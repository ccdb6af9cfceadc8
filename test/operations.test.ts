import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { freePort } from '../server/start-server.js';
import { CommandLine } from './command-line.js';
import { type SmallDataset, smallDataset } from './small-dataset.js';
import { startTestServer, type TestServer } from './temporal/server.js';

const SECRET = 'key-that-no-log-may-hold';
/** Damaged below: the matrix of this chunk is not there. */
const BROKEN = 'train/chunk_1';

let server: TestServer;
let dataset: SmallDataset;
let env: NodeJS.ProcessEnv;
const running: CommandLine[] = [];

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  const chunks = { 'train/chunk_0.zarr': 'pbmc-24/chunk_0.zarr', 'train/chunk_1.zarr': 'pbmc-24/chunk_0.zarr' };
  dataset = await smallDataset(chunks, 'embedding_cpu: { methods: [gs] }\nembedding_gpu: { methods: [gs10k] }\n');
  await rm(join(dataset.input(`${BROKEN}.zarr`), 'X/data/0'), { force: true, recursive: true });
  env = {
    TEMPORAL_ADDRESS: server.address,
    TEMPORAL_API_KEY: SECRET,
    TEMPORAL_TLS: 'false',
    OBSMITH_QUEUE_PREFIX: `operations-${Date.now()}-`,
  };
});
afterEach(async () => {
  for (const command of running) command.terminate();
  await Promise.all(running.splice(0).map(({ ended }) => ended));
  await dataset.remove();
});

function start(...argv: string[]): CommandLine {
  const command = new CommandLine(argv, env);
  running.push(command);
  return command;
}

const run = () => start('run', dataset.config, '--no-workers', '--json').ended;
/** Ours, and one of the SDK's that shows that its own are there. */
async function metricsAt(port: number): Promise<string> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return text
    .split('\n')
    .filter((line) => /^obsmith_|^temporal_worker_task_slots_available/.test(line))
    .join('\n');
}

const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));

describe('a run with a broken chunk, on a CPU and a GPU worker with metrics', () => {
  it('leaves logs by section and chunk, the first error of the failed chunk, a summary, and metrics', async () => {
    const port = await freePort('127.0.0.1');
    const cpu = start('worker', 'cpu', '--metrics', String(port));
    const gpu = start('worker', 'gpu', '--device', 'cpu');
    const { code, out } = await run();
    expect(code).toBe(1);
    const { workflowId, runId } = JSON.parse(out);
    const folder = join(dataset.base, '.obsmith/runs', workflowId, runId);
    const status = JSON.parse((await start('status', workflowId, '--json').ended).out);
    expect(status.progress.logs).toBe(folder);
    const metrics = await metricsAt(port);

    const files = (await readdir(folder, { recursive: true })).filter((name) => /\.(log|json)$/.test(name)).sort();
    expect(files).toEqual([
      'embedding_cpu/train/chunk_0.log',
      'embedding_gpu/train/chunk_0.log',
      'embedding_prepare/train/chunk_0.log',
      `embedding_prepare/${BROKEN}.log`,
      'errors_consolidated.log',
      'run.log',
      'summary.json',
    ]);
    const read = (name: string) => readFile(join(folder, name), 'utf8');
    const lines = jsonLines(await read('embedding_gpu/train/chunk_0.log'));
    for (const line of lines)
      expect(line).toMatchObject({
        ...{ chunk: 'train/chunk_0', method: 'gs10k', attempt: 1, runId: expect.any(String) },
        ...{ workflowId: expect.stringMatching(`^${workflowId}/`), activity: expect.stringMatching(/embed|publish/) },
      });
    expect(lines.map(({ activity, msg }) => `${activity} ${msg}`)).toEqual([
      'embedMethod started',
      'embedMethod done',
      'publishArray started',
      'publishArray done',
    ]);
    const errors = jsonLines(await read('errors_consolidated.log'));
    expect(errors).toMatchObject([{ chunk: BROKEN, type: 'InvalidInput', message: expect.stringContaining('X/data') }]);
    expect(JSON.parse(await read('summary.json'))).toMatchObject({
      ...{ workflowId, runId, status: 'failed', chunks: { total: 2, completed: 1, failed: 1 }, failed: 2 },
      sections: { embedding_cpu: { methods: ['gs'], computed: 1 }, embedding_gpu: { methods: ['gs10k'], failed: 1 } },
    });

    expect(metrics).toMatch(/^obsmith_cells_total\{method="gs"\} 24$/m);
    expect(metrics).toMatch(/^obsmith_published_bytes_total\{method="gs10k"\} [1-9]\d*$/m);
    expect(metrics).toMatch(/^obsmith_embedding_seconds_count\{method="gs"\} 1$/m);
    expect(metrics).toMatch(/^obsmith_failures_total\{method="gs10k",type="InvalidInput"\} 1$/m);
    expect(metrics).toMatch(/^obsmith_activity_seconds_count\{activity="openChunk",outcome="\w+"\} \d/m);
    expect(metrics).toMatch(/^obsmith_worker_memory_bytes [1-9]\d{7}/m);
    expect(metrics).toMatch(/^temporal_/m);

    cpu.terminate();
    gpu.terminate();
    const [cpuEnd, gpuEnd] = await Promise.all([cpu.ended, gpu.ended]);
    expect([cpuEnd.code, gpuEnd.code]).toEqual([0, 0]);
    const runLines = jsonLines(await read('run.log'));
    expect(runLines).toContainEqual(
      expect.objectContaining({ workflowId, runId, level: 'warn', msg: 'Workflow failed' }),
    );
    const handle = server.client.workflow.getHandle(workflowId);
    const texts = [cpuEnd.err, gpuEnd.err, JSON.stringify(await handle.fetchHistory())];
    for (const name of files) texts.push(await read(name));
    expect(texts.filter((text) => text.includes(SECRET))).toEqual([]);
  });

  it('goes on without logs where their folder cannot be written, and says so once', async () => {
    const place = await mkdtemp(join(tmpdir(), 'obsmith-logs-'));
    const taken = join(place, 'taken');
    await writeFile(taken, '');
    env = { ...env, WORKFLOW_DIR: taken };
    const cpu = start('worker', 'cpu');
    const { code, out } = await start('run', dataset.config, '--no-workers', '--json', '--methods', 'gs').ended;
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ methods: { gs: { computed: 1, failed: 1 } } });
    cpu.terminate();
    const { err } = await cpu.ended;
    expect(
      jsonLines(err).filter(({ folder, msg }) => folder === taken && /cannot be written to/.test(String(msg))),
    ).toHaveLength(1);
    await rm(place, { recursive: true });
  });
});

describe('SIGTERM', () => {
  it('hands back what runs, within seconds, and another worker ends the run', async () => {
    await dataset.configure('embedding_cpu: { methods: [gs] }\n');
    const first = start('worker', 'cpu');
    await first.said(/"state":"RUNNING"/);
    const following = run();
    await first.said(/"activity":"holdLease".*"msg":"started"/);
    first.terminate();
    const asked = performance.now();
    const end = await first.ended;
    const seconds = (performance.now() - asked) / 1000;
    expect(end.code).toBe(0);
    expect(seconds).toBeLessThan(20);
    expect(jsonLines(end.err).map(({ activity, msg }) => `${activity} ${msg}`)).toContain(
      'holdLease handed back: this worker shuts down',
    );
    start('worker', 'cpu');
    const { out } = await following;
    expect(JSON.parse(out)).toMatchObject({ chunks: { total: 2, completed: 1, failed: 1 } });
  });

  it('twice ends at once, with 130', async () => {
    const worker = start('worker', 'cpu');
    await worker.said(/"state":"RUNNING"/);
    worker.terminate();
    worker.interrupt(); // Signals of one kind that wait together are one.
    expect((await worker.ended).code).toBe(130);
  });
});

it('a port that is taken is named before anything runs', async () => {
  const port = await freePort('127.0.0.1');
  const first = start('worker', 'cpu', '--metrics', String(port));
  await first.said(/"state":"RUNNING"/);
  const { code, err } = await start('worker', 'gpu', '--device', 'cpu', '--metrics', String(port)).ended;
  expect(code).toBe(2);
  expect(err).toMatch(new RegExp(`Metrics cannot be served at 127.0.0.1:${port}: .*--metrics`, 's'));
});

it('a server that does not answer ends a worker with 1, and is named', async () => {
  env = { ...env, TEMPORAL_ADDRESS: `127.0.0.1:${await freePort('127.0.0.1')}` };
  const { code, err } = await start('worker', 'cpu').ended;
  expect(code).toBe(1);
  expect(err).toContain(`No Temporal server at ${env.TEMPORAL_ADDRESS} answers`);
});
