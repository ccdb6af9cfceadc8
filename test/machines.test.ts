import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { isRunning } from '../core/machine/process-running.js';
import { built, PACKAGE_ROOT } from '../core/package-root.js';
import { benchDataset } from '../scripts/bench/dataset.js';
import { freePort } from '../server/start-server.js';
import { type CommandEnd, CommandLine, commandLine } from './command-line.js';
import { fixture, type SmallDataset, smallDataset } from './small-dataset.js';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const YAML = 'embedding_cpu: { methods: [hvg] }\nembedding_gpu: { methods: [gs10k] }\n';
const CHUNKS = 3;
/** Of a chunk of the simulated data set, and of a checkpoint. */
const CELLS = 1_500;
const BLOCK_ROWS = 64;
const BLOCKS = 2 * Math.ceil(CELLS / BLOCK_ROWS);

let place: string;
let dataset: SmallDataset;
let server: CommandLine;

/** An address that other machines reach this one by, where it has one. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '0.0.0.0';
}

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'obsmith-machines-'));
  dataset = await smallDataset({}, YAML);
  await mkdir(dataset.input('train'), { recursive: true });
  for (let chunk = 0; chunk < CHUNKS; chunk++)
    await cp(fixture('pbmc-24/chunk_0.zarr'), dataset.input(`train/chunk_${chunk}.zarr`), { recursive: true });
  const [port, uiPort] = [await freePort('0.0.0.0'), await freePort('0.0.0.0')].map(String);
  const shared = ['--host', ownAddress(), '--port', port!, '--ui-port', uiPort!, '--base', dataset.base];
  server = new CommandLine(['dev', ...shared, '--database', join(place, 'server'), '--no-workers']);
  await server.said(/asks nobody for a password/);
});
afterAll(async () => {
  server.interrupt();
  expect((await server.ended).code).toBe(0);
  expect(await readdir(join(dataset.base, '.obsmith'))).not.toContain('server.json');
  await dataset.remove();
  await rm(place, { recursive: true, force: true });
});
afterEach(() => rm(join(dataset.base, 'processed_with_emb'), { recursive: true, force: true }));

const arrays = Object.fromEntries(
  Array.from({ length: CHUNKS }, (_, chunk) => [`train/chunk_${chunk}`, ['X_gs10k', 'X_hvg']]),
);
const status = async (...argv: string[]): Promise<CommandEnd> =>
  commandLine(['status', 'embed-toy', ...argv], { BASE_FILE_PATH: dataset.base });

/** sbatch and squeue of a cluster that is this machine: jobs start at once, in the background. */
async function fakeSlurm(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const script = (name: string, lines: string[]): Promise<void> =>
    writeFile(join(folder, name), ['#!/usr/bin/env bash', ...lines, ''].join('\n'), { mode: 0o755 });
  await script('sbatch', [
    'echo "$*" >> "$FAKE/submitted"',
    'while [[ $1 == --* ]]; do',
    '  case $1 in --job-name) name=$2; shift 2 ;; --parsable | --*=*) shift ;; *) shift 2 ;; esac',
    'done',
    'export SLURM_JOB_ID=$RANDOM SLURM_CPUS_PER_TASK=1 SLURM_JOB_END_TIME=$(($(date +%s) + 3600))',
    'setsid bash "$@" </dev/null >"$FAKE/$name.log" 2>&1 &',
    'echo $! >"$FAKE/$name.pid"',
    'echo $SLURM_JOB_ID',
  ]);
  await script('squeue', [
    'while [[ $1 != --name ]]; do shift; done',
    'pid=$(cat "$FAKE/$2.pid" 2>/dev/null) && kill -0 "$pid" 2>/dev/null && echo "$pid"',
    'exit 0',
  ]);
}

it('embeds with SLURM jobs: CPU jobs first, GPU jobs after preparation, all of which end when there is nothing to do', async () => {
  const slurm = join(place, 'slurm');
  await fakeSlurm(slurm);
  const { TEMPORAL_ADDRESS: _, ...inherited } = process.env;
  const script = spawn('bash', [join(PACKAGE_ROOT, 'scripts/deploy/slurm/embed.sh'), dataset.config], {
    cwd: slurm,
    env: {
      ...inherited,
      ...{ PATH: `${slurm}:${process.env.PATH}`, FAKE: slurm, BASE_FILE_PATH: dataset.base },
      ...{ OBSMITH: `${process.execPath} ${built('scripts/obsmith.js')}`, NODE: process.execPath },
      ...{ CPU_JOBS: '1', GPU_DEVICE: 'cpu', LOOK_SECONDS: '1', OBSMITH_IDLE: '4s' },
    },
  });
  let said = '';
  for (const stream of [script.stdout, script.stderr]) stream.on('data', (data) => (said += data));
  const code = await new Promise((resolve) => script.on('close', resolve));
  expect(code, said).toBe(0);
  expect(said).toMatch(/status +completed/);
  await dataset.expectVisible(arrays);
  const submitted = (await readFile(join(slurm, 'submitted'), 'utf8')).trim().split('\n');
  expect(submitted.map((line) => /--job-name obsmith-(cpu|gpu)-embed-toy --mem 60G/.exec(line)?.[1])).toContain('gpu');
  expect(submitted[0]).toContain('--job-name obsmith-cpu-embed-toy');
  expect(submitted.find((line) => line.includes('obsmith-gpu'))).toMatch(/--gres=gpu:1 .*worker\.sh gpu --device cpu$/);
  for (const kind of ['cpu', 'gpu']) {
    const pid = Number(await readFile(join(slurm, `obsmith-${kind}-embed-toy.pid`), 'utf8'));
    while (isRunning(pid)) await sleep(100);
    expect(await readFile(join(slurm, `obsmith-${kind}-embed-toy.log`), 'utf8')).toContain('worker stops: idle');
  }
});

it('waits for workers and says so, runs on one that mounts the base folder elsewhere, and tells the end when none is left', async () => {
  const detached = await commandLine(['run', dataset.config, '--detach', '--methods', 'hvg', '--json']);
  expect(detached.code).toBe(0);
  expect(detached.err).toMatch(/No worker polls obsmith-cpu on .*; the run waits for `obsmith worker cpu`/);
  expect(JSON.parse(detached.out)).toMatchObject({ workflowId: 'embed-toy', status: 'running' });
  expect(JSON.parse((await status('--json')).out)).toMatchObject({ status: 'running', progress: null, totals: null });
  expect((await status()).out).toMatch(/waiting for +obsmith worker cpu/);
  const following = new CommandLine(['run', dataset.config, '--no-workers', '--methods', 'hvg']);
  await following.said(/Joined the run embed-toy[\s\S]*waiting for: obsmith worker cpu/);
  following.interrupt();
  expect(await following.ended).toMatchObject({ code: 130, out: expect.stringContaining('obsmith cancel embed-toy') });

  const elsewhere = `${dataset.base}-elsewhere`;
  await rename(dataset.base, elsewhere);
  try {
    const env = { BASE_FILE_PATH: elsewhere };
    const worker = await commandLine(['worker', 'cpu', '--device', 'cpu', '--exit-when-idle', '4s', '--json'], env);
    expect([worker.code, JSON.parse(worker.out)]).toEqual([0, { worker: 'cpu', ended: true }]);
  } finally {
    await rename(elsewhere, dataset.base);
  }
  const { out } = await status('--json');
  expect(JSON.parse(out)).toMatchObject({
    status: 'completed',
    totals: { methods: { hvg: { computed: CHUNKS } }, chunks: { total: CHUNKS, completed: CHUNKS } },
  });
  expect((await status()).out).toMatch(/hvg +3 +0 +0 +0 +72/);
});

/** Blocks of rows that were begun, and how many of them a second time. */
async function blocksBegun(notes: string): Promise<{ begun: number; again: number }> {
  const names = (await readFile(notes, 'utf8'))
    .split('\n')
    .flatMap((line) => /^(.*)\/attempt-[^/]+(\/array\/\.\d+)\./.exec(line)?.slice(1).join('') ?? []);
  return { begun: new Set(names).size, again: names.length - new Set(names).size };
}

it('hands its work back at --stop-at within half a minute; another worker goes on and computes at most one block of rows again', async () => {
  const shape = { cells: 2 * CELLS, genes: 500, chunks: 2, seed: 3, format: 'zarr-v2' as const };
  const { base, config, outputs } = await benchDataset(join(place, 'stop'), shape, ['gs']);
  await writeFile(config, `${await readFile(config, 'utf8')}  chunk_rows: ${BLOCK_ROWS}\n`);
  const notes = join(place, 'blocks.txt');
  await writeFile(notes, '');
  const env = {
    ...{ BASE_FILE_PATH: dataset.base, OBSMITH_QUEUE_PREFIX: 'stop-', OBSMITH_CHAOS_BLOCKS: notes },
    ...{ OBSMITH_CHAOS_FAULT: join(place, 'no-fault'), OBSMITH_CHAOS_BLOCK_MS: '1000' },
    NODE_OPTIONS: `--import ${join(PACKAGE_ROOT, 'scripts/chaos/faults.mjs')}`,
  };
  const worker = (...argv: string[]) => commandLine(['worker', 'cpu', '--concurrency', '1', ...argv], env);
  const run = commandLine(['run', config, '--no-workers', '--json'], env);
  // Time enough to start a worker on a busy machine, and less than the blocks take.
  const stopAt = new Date(Date.now() + 30_000).toISOString();
  const first = await worker('--stop-at', stopAt);
  const stoppedAfter = Date.now() - Date.parse(stopAt);
  expect(first).toMatchObject({ code: 0, err: expect.stringContaining('worker stops: its time is over') });
  expect(stoppedAfter).toBeLessThan(30_000);
  const before = await blocksBegun(notes);
  expect(before.begun).toBeGreaterThan(1);
  expect(before.begun).toBeLessThan(BLOCKS);
  const second = worker('--exit-when-idle', '5s');
  const { code, out } = await run;
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ status: 'completed', methods: { gs: { computed: 2, cells: 2 * CELLS } } });
  expect((await second).code).toBe(0);
  const after = await blocksBegun(notes);
  expect(after.begun).toBe(BLOCKS);
  expect(after.again).toBeLessThanOrEqual(1);
  expect(await readdir(outputs)).toEqual(['test']);
  await rm(base, { recursive: true });
});
