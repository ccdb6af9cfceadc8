import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { embedJoined } from './embed-joined.js';
import { runTask } from './run-task.js';
import { boundThreads, stopIdleThreads } from './thread-lanes.js';
import { threadless } from './threadless.js';

let base: string;
let location: { base: string; plan: string; chunk: number };

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-joined-'));
  const fixtures = join(import.meta.dirname, '../../test/fixtures');
  await cp(join(fixtures, 'pbmc-24/chunk_0.zarr'), join(base, 'processed/train/toy/train/chunk_0.zarr'), {
    recursive: true,
  });
  const conf = join(base, 'conf.yaml');
  await writeFile(
    conf,
    `dataset: { name: toy }
base_file_path: ${base}
embedding_cpu:
  methods: [gs, gs10k, hvg, pca]
  method_options: { hvg: { scope: chunk }, pca: { model: ${join(fixtures, 'models/pca-tiny')} } }
  embedding_dim_map: { hvg: 20, pca: 5 }
`,
  );
  const { plan } = await runTask('planRun', { request: { config: conf }, folder: base });
  location = { base, plan, chunk: 0 };
});
afterEach(() => boundThreads(Number.POSITIVE_INFINITY));
afterAll(async () => {
  await stopIdleThreads();
  await rm(base, { recursive: true });
});

let attempts = 0;
const embed = (method: string, signal?: AbortSignal) =>
  embedJoined({ ...location, method, attempt: `${attempts++}` }, signal ? { signal } : {});

/** How often work joined another thread meanwhile. */
async function joinsDuring(work: () => Promise<unknown>): Promise<number> {
  let joins = 0;
  const stop = threadless.onRise(() => joins++);
  await work();
  stop();
  expect(threadless.value).toBe(0);
  return joins;
}

test('methods that come together share the only thread, and each gets its own outcome', async () => {
  boundThreads(1);
  const joins = await joinsDuring(async () => {
    expect(await Promise.all(['gs', 'gs10k', 'hvg', 'pca'].map((method) => embed(method)))).toMatchObject([
      { cells: 24, dim: 3936 },
      { cells: 24, dim: 10_000 },
      { cells: 24, dim: 20 },
      { cells: 24, dim: 5 },
    ]);
  });
  expect(joins).toBe(3);
});

test('methods are divided among threads that would be idle', async () => {
  boundThreads(2);
  expect(await joinsDuring(() => Promise.all([embed('gs'), embed('gs10k')]))).toBe(0);
  expect(await joinsDuring(() => Promise.all([embed('gs'), embed('gs10k'), embed('hvg')]))).toBe(1);
});

test('one that is cancelled before its pass begins is not waited for', async () => {
  boundThreads(1);
  const abort = new AbortController();
  const joins = await joinsDuring(async () => {
    const cancelled = expect(embed('gs', abort.signal)).rejects.toMatchObject({ type: 'Cancelled' });
    const other = embed('gs10k');
    setTimeout(() => abort.abort(), 5);
    await cancelled;
    expect(await other).toMatchObject({ dim: 10_000 });
  });
  expect(joins).toBe(0);
});

test('one that fails, for its plan or for itself, leaves the others alone', async () => {
  boundThreads(1);
  const unknown = embed('umap').catch((error) => error);
  const broken = embedJoined({ ...location, method: 'gs', attempt: '../\0' }).catch((error) => error);
  expect(await embed('gs10k')).toMatchObject({ dim: 10_000 });
  expect(await unknown).toBeInstanceOf(Error);
  expect(await broken).toBeDefined();
});

test('one that comes late reads for itself', async () => {
  boundThreads(1);
  const joins = await joinsDuring(async () => {
    const first = embed('gs');
    await first;
    await embed('gs10k');
  });
  expect(joins).toBe(0);
});
