import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type SmallDataset, smallDataset } from './small-dataset.js';

/** Set: what opens, lists or reads a path that matches fails with this code (tests may run as root, whom no mode stops). */
const failing = vi.hoisted(() => ({ code: '', path: /^$/, writesOnly: false }));
/** What matches counts as mounted from elsewhere. */
const mounted = vi.hoisted(() => ({ path: /^$/ }));

const failWhereSet = vi.hoisted(() => (name: string, args: readonly unknown[]): void => {
  const writes = /^(mkdir|writeFile)$/.test(name) || (/^open/.test(name) && /^[wa]/.test(String(args[1])));
  if (failing.code === '' || !failing.path.test(String(args[0])) || (failing.writesOnly && !writes)) return;
  throw Object.assign(new Error(`${failing.code}: injected, ${name} '${String(args[0])}'`), { code: failing.code });
});

vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  const guarded =
    (name: string, work: (...args: unknown[]) => unknown) =>
    (...args: unknown[]) => {
      failWhereSet(name, args);
      return work(...args);
    };
  const operations = ['openSync', 'copyFileSync'] as const;
  return { ...real, ...Object.fromEntries(operations.map((name) => [name, guarded(name, real[name] as never)])) };
});

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const guarded =
    (name: string, work: (...args: unknown[]) => unknown) =>
    async (...args: unknown[]) => {
      failWhereSet(name, args);
      return work(...args);
    };
  const operations = ['open', 'readFile', 'readdir', 'mkdir', 'writeFile', 'copyFile', 'cp'] as const;
  const stat = async (path: string) => {
    const found = await real.stat(path);
    return mounted.path.test(path) ? Object.assign(found, { dev: Number(found.dev) + 1 }) : found;
  };
  return { ...real, stat, ...Object.fromEntries(operations.map((name) => [name, guarded(name, real[name] as never)])) };
});

const PBMC = 'pbmc-24/chunk_0.zarr';
const YAML = 'max_failed_chunks: 1\nembedding_cpu: { methods: [gs, hvg], embedding_dim_map: { hvg: 64 } }\n';
const ARRAYS = ['X_gs', 'X_hvg'];

let dataset: SmallDataset;
beforeEach(async () => {
  dataset = await smallDataset({ 'train/chunk_0.zarr': PBMC, 'train/chunk_1.zarr': PBMC }, YAML);
});
afterEach(async () => {
  failing.code = '';
  mounted.path = /^$/;
  await dataset.remove();
});

const failed = (failures: readonly { chunk: string; method: string }[]) =>
  failures.map(({ chunk, method }) => `${chunk} ${method}`);

describe.each([
  ['its store', /processed\/.*train\/chunk_1\.zarr\/\.z/],
  ['its X', /processed\/.*train\/chunk_1\.zarr\/X\//],
])('a chunk without permission to read %s', (_, path) => {
  it('fails alone, names the file and says what to do; with permission the next run goes on', async () => {
    Object.assign(failing, { code: 'EACCES', path, writesOnly: false });
    const { status, failures } = await dataset.run();
    expect(status).toBe('partial');
    expect(failed(failures)).toEqual(['train/chunk_1 gs', 'train/chunk_1 hvg']);
    for (const { type, message } of failures) {
      expect(type).toBe('InvalidInput');
      expect(message).toMatch(/No permission to access .*train\/chunk_1\.zarr.*\(EACCES\).*chmod/);
    }
    failing.code = '';
    await dataset.expectVisible({ 'train/chunk_0': ARRAYS });
    expect(await dataset.run()).toMatchObject({ status: 'completed', methods: { gs: { computed: 1, skipped: 1 } } });
    await dataset.expectVisible({ 'train/chunk_0': ARRAYS, 'train/chunk_1': ARRAYS });
  });
});

it('a chunk of which a part that only copying reads is not permitted fails alone', async () => {
  Object.assign(failing, {
    code: 'EACCES',
    path: /processed\/.*train\/chunk_1\.zarr\/obs\/total_counts/,
    writesOnly: false,
  });
  const { status, failures } = await dataset.run();
  expect(status).toBe('partial');
  expect(failed(failures)).toEqual(['train/chunk_1 gs', 'train/chunk_1 hvg']);
  for (const { message } of failures) expect(message).toMatch(/No permission to access .*train\/chunk_1\.zarr.*chmod/);
  failing.code = '';
  await dataset.expectVisible({ 'train/chunk_0': ARRAYS });
});

describe.each([
  ['the input is copied', /staging\/.*train\/chunk_1\/copy-/],
  ['row blocks are written', /staging\/.*train\/chunk_1\/X_/],
])('a disk that fills up while %s', (_, path) => {
  it('leaves nothing half-written and may heal: StoreUnavailable, and a later attempt completes', async () => {
    Object.assign(failing, { code: 'ENOSPC', path, writesOnly: true });
    const { status, failures } = await dataset.run();
    expect(status).toBe('partial');
    expect(failed(failures)).toEqual(['train/chunk_1 gs', 'train/chunk_1 hvg']);
    for (const { type, message } of failures) {
      expect(type).toBe('StoreUnavailable');
      expect(message).toMatch(/ENOSPC at .*train\/chunk_1.*Free space on that file system/);
    }
    failing.code = '';
    await dataset.expectVisible({ 'train/chunk_0': ARRAYS });
    expect((await dataset.run()).status).toBe('completed');
    await dataset.expectVisible({ 'train/chunk_0': ARRAYS, 'train/chunk_1': ARRAYS });
  });
});

it('outputs on another file system than .obsmith are refused before any work', async () => {
  await mkdir(dataset.output('train'), { recursive: true });
  mounted.path = /processed_with_emb/;
  await expect(dataset.run()).rejects.toMatchObject({
    type: 'InvalidConfig',
    message: expect.stringMatching(/^Outputs at .*processed_with_emb.* are on another file system than .*\.obsmith/),
    remedy: expect.stringContaining('one file system'),
  });
  expect(await readdir(join(dataset.base, '.obsmith'))).toEqual(['id']);
});
