import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunRequest } from '../plan/types.js';
import { loadConfig } from './load.js';
import { resolveMethods } from './methods.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-methods-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function resolve(text: string, request: Partial<RunRequest> = {}) {
  await writeFile(join(folder, 'a.yaml'), `dataset: { name: a }\n${text}`);
  const config = await loadConfig('a.yaml', { cwd: folder, env: { BASE_FILE_PATH: folder } });
  return resolveMethods(config, request);
}
const names = (methods: { method: string; queue: string }[]) =>
  methods.map(({ method, queue }) => `${method} ${queue}`);

const BOTH = 'embedding_cpu: { methods: [gs, gs10k] }\nembedding_gpu: { methods: [geneformer] }\n';

test('the section decides queue, dimension, options and the like', async () => {
  const methods = await resolve(
    'batch_key: donor\nembedding_gpu: { methods: [gs], batch_size: 32, chunk_rows: 100, overwrite: true }\nembedding_cpu: { methods: [gs10k] }\n',
  );
  expect(methods).toEqual([
    {
      method: 'gs10k',
      queue: 'cpu',
      dim: 10000,
      options: expect.any(Object),
      batchKey: 'donor',
      batchSize: 128,
      chunkRows: 16384,
      overwrite: false,
    },
    {
      method: 'gs',
      queue: 'gpu',
      dim: 3936,
      options: expect.any(Object),
      batchKey: 'donor',
      batchSize: 32,
      chunkRows: 100,
      overwrite: true,
    },
  ]);
});

test('a run takes all enabled sections; section and methods narrow it', async () => {
  expect(names(await resolve(BOTH))).toEqual(['gs cpu', 'gs10k cpu', 'geneformer gpu']);
  expect(names(await resolve(BOTH, { section: 'embedding_gpu' }))).toEqual(['geneformer gpu']);
  expect(names(await resolve(BOTH, { methods: ['geneformer', 'gs10k'] }))).toEqual(['gs10k cpu', 'geneformer gpu']);
  expect(
    names(
      await resolve(`${BOTH}embedding_preparation: { methods: [geneformer] }`, { section: 'embedding_preparation' }),
    ),
  ).toEqual(['geneformer gpu']);
});

test('--overwrite holds for every method', async () => {
  expect((await resolve(BOTH, { overwrite: true })).every((method) => method.overwrite)).toBe(true);
});

test('options set in another section count where the method’s own section sets none', async () => {
  const [pca] = await resolve(
    'embedding_cpu: { methods: [pca] }\nembedding_gpu: { method_options: { pca: { n_top_genes: 1234 } } }',
  );
  expect(pca!.options).toMatchObject({ model: 'fit', n_top_genes: 1234 });
});

test.each([
  [{ methods: ['gs1k'] }, 'Unknown method "gs1k"', 'Did you mean "gs10k"?'],
  [
    { methods: ['geneformer'], section: 'embedding_cpu' },
    'Method "geneformer" stands in embedding_gpu, which is not part of what was asked for',
    '--section embedding_gpu',
  ],
  [
    { section: 'embedding_preparation' },
    'No embedding configuration found: no section embedding_preparation',
    'embedding_cpu, embedding_gpu',
  ],
] as const)('%j is refused', async (request, message, remedy) => {
  await expect(resolve(BOTH, request)).rejects.toMatchObject({
    type: 'InvalidConfig',
    message: expect.stringContaining(message),
    remedy: expect.stringContaining(remedy),
  });
});

test('disabled sections do not run, and are refused when asked for', async () => {
  const text = 'embedding_cpu: { methods: [gs], enabled: false }\nembedding_gpu: { methods: [geneformer] }\n';
  expect(names(await resolve(text))).toEqual(['geneformer gpu']);
  await expect(resolve(text, { section: 'embedding_cpu' })).rejects.toMatchObject({
    message: 'Section embedding_cpu is disabled (enabled: false)',
  });
  await expect(resolve(text, { methods: ['gs'] })).rejects.toMatchObject({
    message: expect.stringContaining('is disabled'),
  });
  await expect(resolve('embedding_cpu: { methods: [gs], enabled: false }')).rejects.toMatchObject({
    message: expect.stringContaining('No embedding configuration found'),
  });
});
