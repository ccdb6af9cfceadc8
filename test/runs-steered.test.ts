import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { PACKAGE_ROOT } from '../core/package-root.js';
import type { embedDataset } from '../workflows/embed-dataset.js';
import type { Progress, RunRequest } from '../workflows/types.js';
import { CommandLine } from './command-line.js';
import { filesBelow } from './publishing.js';
import { type SmallDataset, smallDataset } from './small-dataset.js';
import { startTestServer, type TestServer } from './temporal/server.js';

vi.setConfig({ testTimeout: 180_000 });

const ID = 'embed-toy';
/** gs waits for a GPU worker, so that the run goes on as long as the test wants. */
const YAML = `
embedding_cpu:
  methods: [hvg, pca]
  embedding_dim_map: { hvg: 40, pca: 5 }
  method_options: { pca: { n_top_genes: 100 } }
embedding_gpu: { methods: [gs] }
`;

let server: TestServer;
let dataset: SmallDataset;
const workers: CommandLine[] = [];

beforeAll(async () => {
  server = await startTestServer();
  const chunks = ['train/chunk_0', 'train/chunk_1', 'val/chunk_0'];
  dataset = await smallDataset(
    Object.fromEntries(chunks.map((chunk) => [`${chunk}.zarr`, 'pbmc-24/chunk_0.zarr'])),
    YAML,
  );
  process.env.TEMPORAL_ADDRESS = server.address;
});
afterAll(async () => {
  delete process.env.TEMPORAL_ADDRESS;
  for (const worker of workers) worker.interrupt();
  await Promise.all(workers.map(({ ended }) => ended));
  await server.stop();
  await dataset.remove();
});

const startWorker = (kind: 'cpu' | 'gpu', env: NodeJS.ProcessEnv = {}): CommandLine => {
  const device = kind === 'gpu' ? ['--device', 'cpu'] : [];
  const worker = new CommandLine(['worker', kind, ...device], { TEMPORAL_ADDRESS: server.address, ...env });
  workers.push(worker);
  return worker;
};

/** A command's exit code and JSON document. */
async function obsmith(...argv: string[]): Promise<{ code: number; document: Record<string, unknown> }> {
  const { code, out } = await dataset.cli(...argv, '--json');
  return { code, document: JSON.parse(out) };
}

async function progressWhere(isSo: (progress: Progress) => boolean): Promise<Progress> {
  for (;;) {
    const { progress, status } = (await obsmith('status', ID)).document as {
      readonly progress: Progress | null;
      readonly status: string;
    };
    if (progress && isSo(progress)) return progress;
    if (status !== 'running') throw new Error(`the run is ${status}: ${JSON.stringify(progress)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** What tells a file that was written anew from one that was left alone. */
async function identities(): Promise<Record<string, string>> {
  const root = join(dataset.base, 'processed_with_emb');
  const found: Record<string, string> = {};
  for (const name of await readdir(root, { recursive: true })) {
    const { ino, mtimeMs, size } = await stat(join(root, name));
    found[name] = `${ino} ${mtimeMs} ${size}`;
  }
  return found;
}

const staged = async (): Promise<string[]> => {
  const all = await readdir(join(dataset.base, '.obsmith/staging'), { recursive: true }).catch(() => []);
  return all.filter((path) => /X_\w+\/.*\d$/.test(path));
};

it('stops a method that workers are busy with, and leaves nothing of it in staging while the run goes on', async () => {
  const chunks = Array.from({ length: 12 }, (_, index) => `train/chunk_${index}.h5ad`);
  const busy = await smallDataset(
    Object.fromEntries(chunks.map((chunk) => [chunk, '../../resources/demo/pbmc_10k_protein_v3.h5ad'])),
    'embedding_cpu: { methods: [gs10k] }\nembedding_gpu: { methods: [gs] }\nmax_open_chunks: 12\n',
  );
  const stagedBy = async (method: string): Promise<string[]> => {
    const all = await readdir(join(busy.base, '.obsmith/staging'), { recursive: true }).catch(() => []);
    return all.filter((path) => path.includes(`/X_${method}/`));
  };
  // Blocks of rows take a second, so that the method is at work when it is cancelled.
  const worker = startWorker('cpu', {
    ...{ OBSMITH_CHAOS_BLOCKS: join(busy.base, 'blocks.txt'), OBSMITH_CHAOS_FAULT: join(busy.base, 'no-fault') },
    ...{ OBSMITH_CHAOS_BLOCK_MS: '1000' },
    NODE_OPTIONS: `--import ${join(PACKAGE_ROOT, 'scripts/chaos/faults.mjs')}`,
  });
  try {
    const handle = await server.client.workflow.start<typeof embedDataset>('embedDataset', {
      ...{ taskQueue: 'obsmith', workflowId: 'embed-busy', args: [{ config: busy.config }] as [RunRequest] },
    });
    const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
    while ((await stagedBy('gs10k')).length === 0) await wait();
    await handle.executeUpdate('cancelMethods', { args: [{ methods: ['gs10k'] }] });
    // gs waits for a GPU worker, so that finalize has not cleaned up yet.
    const isThrough = async (): Promise<boolean> => {
      const { methods } = await handle.query<Progress, []>('progress');
      return methods.gs10k?.state === 'cancelled' && (await stagedBy('gs10k')).length === 0;
    };
    while (!(await isThrough())) await wait();
    expect((await handle.describe()).status.name).toBe('RUNNING');
    await handle.executeUpdate('cancelMethods', { args: [{ methods: ['gs'] }] });
    const { status, methods, chunks: counted } = await handle.result();
    const { computed, cancelled, failed } = methods.gs10k!;
    expect([status, failed, computed + cancelled]).toEqual(['partial', 0, 12]);
    expect(cancelled).toBeGreaterThan(0);
    // A chunk is done with what nobody cancelled; here some have one method, and the others none.
    expect(counted).toEqual({ total: 12, completed: computed, cancelled, failed: 0, skipped: 0 });
    const shown = (await busy.cli('status', 'embed-busy')).out;
    expect(shown).toMatch(new RegExp(`chunks +${computed} of 12 done \\(cancelled: gs10k, gs\\), 0 failed`));
    const published = Object.keys(await filesBelow(join(busy.base, 'processed_with_emb')).catch(() => ({})));
    expect(published.filter((path) => path.endsWith('X_gs10k/.zarray'))).toHaveLength(computed);
  } finally {
    worker.interrupt();
    await worker.ended;
    await busy.remove();
  }
});

it('is paused, resumed, narrowed and run again by commands; outputs and totals agree', async () => {
  const started = server.client.workflow.start('embedDataset', {
    ...{ taskQueue: 'obsmith', workflowId: ID, args: [{ config: dataset.config }] },
  });
  // Before there is a worker: signals wait for it, so pca is cancelled before its fit begins.
  await (await started).signal('cancelMethods', { methods: ['pca'] });
  startWorker('cpu');

  expect(await obsmith('pause', ID)).toMatchObject({ code: 0, document: { workflowId: ID, paused: true } });
  await progressWhere(({ paused, stage }) => paused && stage !== 'planning');
  expect(await obsmith('cancel', ID, '--method', 'umap')).toMatchObject({
    ...{ code: 2, document: { error: { message: expect.stringContaining('valid are hvg, pca, gs') } } },
  });
  expect(await obsmith('cancel', ID, '--method', 'pca')).toMatchObject({ code: 0, document: { methods: ['pca'] } });
  expect(await obsmith('resume', ID)).toMatchObject({ code: 0, document: { paused: false } });
  const done = await progressWhere(({ methods }) => methods.hvg?.chunksDone === 3);
  expect(done.methods.pca).toMatchObject({ state: 'cancelled', chunksDone: 0 });
  expect(await staged()).toEqual([]);

  const bytes = await filesBelow(join(dataset.base, 'processed_with_emb'));
  const before = await identities();
  const rerun = ['rerun', ID, '--method', 'hvg', '--chunk'];
  expect((await obsmith(...rerun, 'val/chunk_7')).document).toMatchObject({
    error: { message: expect.stringContaining('no chunk "val/chunk_7"') },
  });
  expect(await obsmith(...rerun, 'val/chunk_0')).toMatchObject({
    code: 0,
    document: { message: 'Computes again on 1 of 3 chunks: hvg.', chunks: ['val/chunk_0'] },
  });
  await progressWhere(({ reruns }) => reruns.total === 1 && reruns.done === 1);
  expect(await filesBelow(join(dataset.base, 'processed_with_emb'))).toEqual(bytes);
  const after = await identities();
  const written = Object.keys(after).filter((name) => after[name] !== before[name]);
  expect(written.filter((name) => name.includes('obsm/X_')).length).toBeGreaterThan(0);
  for (const name of written) expect(name).toMatch(/val\/chunk_0\.zarr(\/obsm(\/X_hvg.*)?|\/\.z\w+)?$/);

  // A method that was cancelled while it had no fit is fitted now, and its arrays are computed.
  expect(await obsmith('rerun', ID, '--method', 'pca')).toMatchObject({
    ...{ code: 0, document: { message: expect.stringContaining('The fit of pca comes first.') } },
  });
  await progressWhere(({ methods, waitingFor }) => methods.pca?.chunksDone === 3 && waitingFor.length > 0);
  startWorker('gpu');
  const totals = await (await started).result();
  expect(totals).toMatchObject({
    status: 'completed',
    methods: { hvg: { computed: 3, cancelled: 0 }, pca: { computed: 3, cancelled: 0 }, gs: { computed: 3 } },
  });
  expect((await obsmith('status', ID)).document).toMatchObject({ status: 'completed' });
  expect((await obsmith('verify', 'outputs', dataset.config)).code).toBe(0);

  // The run is closed: messages are refused, and a rerun is a run of its own.
  expect((await obsmith('pause', ID)).document).toMatchObject({
    error: { message: expect.stringContaining('closed already') },
  });
  const published = await filesBelow(join(dataset.base, 'processed_with_emb'));
  const again = await obsmith('rerun', ID, '--method', 'pca', '--chunk', 'train/chunk_1');
  expect(again).toMatchObject({
    code: 0,
    document: { workflowId: ID, status: 'completed', chunks: { total: 1 }, methods: { pca: { computed: 1 } } },
  });
  expect(await filesBelow(join(dataset.base, 'processed_with_emb'))).toEqual(published);
});
