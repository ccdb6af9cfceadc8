import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { isRunning } from '../core/machine/process-running.js';
import { CommandLine, commandLine } from './command-line.js';
import { filesBelow } from './publishing.js';
import { fixture, type SmallDataset, smallDataset } from './small-dataset.js';

/** The heartbeat of a killed worker's activities is missed after 30 s. */
vi.setConfig({ testTimeout: 180_000 });

const CHUNKS = 8;
const YAML = 'embedding_cpu: { methods: [gs10k, hvg] }\nmax_open_chunks: 2\n';

let dataset: SmallDataset;
/** sha256 of every file that a run without interruptions makes. */
let expected: Record<string, string>;

async function manyChunks(): Promise<SmallDataset> {
  const made = await smallDataset({}, YAML);
  await mkdir(made.input('train'), { recursive: true });
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    await cp(fixture('pbmc-24/chunk_0.zarr'), made.input(`train/chunk_${chunk}.zarr`), { recursive: true });
  }
  return made;
}

beforeAll(async () => {
  const reference = await manyChunks();
  await reference.run();
  expected = await filesBelow(join(reference.base, 'processed_with_emb'));
  expect(Object.keys(expected).length).toBeGreaterThan(CHUNKS);
  await reference.remove();
});
beforeEach(async () => {
  dataset = await manyChunks();
});
afterEach(() => dataset.remove());

const run = (): CommandLine => new CommandLine(['run', dataset.config, '--json']);
const outputs = () => filesBelow(join(dataset.base, 'processed_with_emb'));

async function untilSomeArePublished(): Promise<void> {
  while (Object.keys(await outputs().catch(() => ({}))).length === 0) await new Promise((done) => setTimeout(done, 50));
}

/** Complete stores only: every visible file is one of an undisturbed run, but for what comes last (listings, dataset.json). */
async function expectNothingHalfWritten(): Promise<void> {
  for (const [file, digest] of Object.entries(await outputs())) {
    expect(Object.keys(expected)).toContain(file);
    if (!/(\.zmetadata|dataset\.json)$/.test(file)) expect(digest).toBe(expected[file]);
  }
  const { code, out } = await dataset.cli(
    'verify',
    'outputs',
    join(dataset.base, 'processed_with_emb/train/toy'),
    '--json',
  );
  expect([code, JSON.parse(out).problems ?? out]).toEqual([0, []]);
}

async function expectSecondRunCompletes(): Promise<void> {
  const { code, out } = await commandLine(['run', dataset.config, '--json']);
  expect(code).toBe(0);
  const { status, methods } = JSON.parse(out);
  expect(status).toBe('completed');
  expect(methods.gs10k.skipped).toBeGreaterThan(0);
  expect(await outputs()).toEqual(expected);
}

it('Ctrl-C cancels: 130, nothing left running, nothing half-written; the next run goes on to the same bytes', async () => {
  const command = run();
  await untilSomeArePublished();
  const processes = command.descendants();
  expect(processes.map(({ command: line }) => line).join('\n')).toMatch(
    /worker cpu.*server start-dev|server start-dev.*worker cpu/s,
  );
  command.interrupt();
  const { code, out } = await command.ended;
  expect(code).toBe(130);
  expect(JSON.parse(out)).toMatchObject({ status: 'cancelled', failures: [] });
  expect(processes.filter(({ pid }) => isRunning(pid))).toEqual([]);
  await expectNothingHalfWritten();
  await expectSecondRunCompletes();
});

it('kill -9 of the worker costs time, but neither the run nor a byte of its outputs', async () => {
  const command = run();
  await untilSomeArePublished();
  const worker = command.descendants().find(({ command: line }) => /^\S*node .*worker cpu/.test(line));
  process.kill(worker!.pid, 'SIGKILL');
  const { code, out } = await command.ended;
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ status: 'completed', chunks: { total: CHUNKS, failed: 0 } });
  expect(await outputs()).toEqual(expected);
  await expectSecondRunCompletes();
});
