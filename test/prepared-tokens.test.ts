import { cp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunInline, runInline } from '../core/tasks/run-inline.js';
import { QUIET } from '../core/tasks/types.js';
import { embedAndKill } from './embed-and-kill.js';
import { GENEFORMER, TINY_MODELS } from './models-dataset.js';
import { runInProcess } from './run-in-process.js';
import { type SmallDataset, smallDataset, writeNumbers } from './small-dataset.js';

const PBMC = 'pbmc-24/chunk_0.zarr';
const CELLS = 24;
const BLOCK_ROWS = 4;
const YAML = `${TINY_MODELS}${GENEFORMER}`;

let dataset: SmallDataset;
beforeEach(async () => {
  dataset = await smallDataset({ 'train/chunk_0.zarr': PBMC, 'val/chunk_0.zarr': PBMC }, YAML);
});
afterEach(() => dataset.remove());

const prepared = () => join(dataset.base, '.obsmith/prepared/toy');

/** Token files, "train/chunk_0/geneformer-<key>.tokens", and inode and time of each: a file that was made anew differs. */
async function tokenFiles(): Promise<Record<string, string>> {
  const names = await readdir(prepared(), { recursive: true }).catch(() => []);
  const files: Record<string, string> = {};
  for (const name of names.filter((file) => /\.(tokens|partial)$/.test(file)).sort()) {
    const { ino, mtimeNs } = await stat(join(prepared(), name), { bigint: true });
    files[name] = `${ino} ${mtimeNs}`;
  }
  return files;
}

/** A run that counts how often chunks were tokenized, and how often that was found done. */
async function countingRun(request: Record<string, unknown> = {}) {
  const counts = { tokenized: 0, found: 0, embedded: 0 };
  const runTask = (async (name, input, context) => {
    const output = await runInline(name, input, context);
    if (name === 'prepareChunk') counts[(output as { computed: boolean }).computed ? 'tokenized' : 'found']++;
    if (name === 'embedChunk') counts.embedded++;
    return output;
  }) as RunInline;
  const outcome = await runInProcess({ config: dataset.config, ...request }, dataset.base, runTask);
  return { ...outcome, counts };
}

describe('a run that only prepares', () => {
  it.each([{ prepareOnly: true }, { section: 'embedding_preparation' }])(
    'with %o makes tokens and no outputs',
    async (request) => {
      await dataset.configure(`${YAML}embedding_preparation: { methods: [geneformer] }\n`);
      const { status, methods, counts } = await countingRun(request);
      expect(status).toBe('completed');
      expect(methods).toMatchObject({ geneformer: { computed: 2, cells: 2 * CELLS } });
      expect(Object.keys(methods)).toEqual(['geneformer']);
      expect(counts).toEqual({ tokenized: 2, found: 0, embedded: 0 });
      expect(Object.keys(await tokenFiles())).toHaveLength(2);
      expect((await readdir(dataset.base)).sort()).toEqual(['.obsmith', 'processed', 'toy.yaml']);
    },
  );

  it('again finds everything done, and the embedding finds the tokens', async () => {
    await countingRun({ prepareOnly: true });
    const made = await tokenFiles();
    const again = await countingRun({ prepareOnly: true });
    expect(again).toMatchObject({ status: 'completed', chunks: { skipped: 2 }, counts: { tokenized: 0, found: 4 } });
    const embedded = await countingRun();
    expect(embedded.counts).toEqual({ tokenized: 0, found: 4, embedded: 4 });
    const rerun = await countingRun({ overwrite: true, methods: ['geneformer'] });
    expect(rerun.counts).toEqual({ tokenized: 0, found: 2, embedded: 2 });
    expect(await tokenFiles()).toEqual(made);
    await dataset.expectVisible({
      'train/chunk_0': ['X_geneformer', 'X_geneformer-v1'],
      'val/chunk_0': ['X_geneformer', 'X_geneformer-v1'],
    });
  });

  it('of methods that need none has nothing to do', async () => {
    await dataset.configure('embedding_cpu: { methods: [gs] }\n');
    expect(await countingRun({ prepareOnly: true })).toMatchObject({ status: 'completed', methods: {} });
    const { out } = await dataset.cli('plan', dataset.config, '--prepare-only', '--json');
    expect(JSON.parse(out)).toMatchObject({ rows: [], notes: ['no method of this run needs preparation'] });
  });
});

it('plan says what is to be prepared, and what is', async () => {
  const plan = async (...argv: string[]) =>
    JSON.parse((await dataset.cli('plan', dataset.config, '--json', ...argv)).out);
  const before = await plan();
  expect(before.methods).toMatchObject([
    { method: 'geneformer', queue: 'gpu', prepare: 2, compute: 2 },
    { prepare: 2 },
  ]);
  expect(before.rows[0]).toMatchObject({ action: 'compute', reason: 'no output yet; tokens are made first' });
  expect(before.bytes.staging).toBeGreaterThan(0);
  const only = await plan('--prepare-only');
  expect(only.methods[0]).toMatchObject({ method: 'geneformer', queue: 'cpu', prepare: 2, compute: 0 });
  expect(only.bytes.output).toBe(0);
  await countingRun({ prepareOnly: true, chunks: ['train/chunk_0'] });
  expect((await plan()).methods[0]).toMatchObject({ prepare: 1, compute: 2 });
  expect((await plan('--prepare-only')).rows).toMatchObject([
    { chunk: 'train/chunk_0', method: 'geneformer', action: 'skip', reason: 'its tokens are there' },
    { chunk: 'train/chunk_0', method: 'geneformer-v1', action: 'skip' },
    { chunk: 'val/chunk_0', method: 'geneformer', action: 'prepare', reason: 'no tokens yet' },
    { chunk: 'val/chunk_0', method: 'geneformer-v1', action: 'prepare' },
  ]);
});

describe('tokens are removed at the end of a run', () => {
  const namesOf = (files: Record<string, string>) =>
    Object.keys(files)
      .map((name) => name.replace(/-[0-9a-f]{64}/, ''))
      .sort();

  it('where the chunk is gone, where it changed, and where they were never finished', async () => {
    await cp(dataset.input('val/chunk_0.zarr'), dataset.input('val/chunk_1.zarr'), { recursive: true });
    await countingRun({ prepareOnly: true });
    const first = await tokenFiles();
    expect(Object.keys(first)).toHaveLength(6);
    await rm(dataset.input('val/chunk_1.zarr'), { recursive: true });
    const sums = Float32Array.from({ length: CELLS }, (_value, cell) => 1000 + cell);
    await writeNumbers(join(dataset.input('val/chunk_0.zarr'), 'obs/n_counts'), sums);
    await writeFile(join(prepared(), 'train/chunk_0/geneformer.tokens.1234.partial'), 'left by a killed worker');
    const { counts } = await countingRun({ prepareOnly: true });
    expect(counts).toMatchObject({ tokenized: 2, found: 2 });
    const second = await tokenFiles();
    expect(namesOf(second)).toEqual([
      'train/chunk_0/geneformer-v1.tokens',
      'train/chunk_0/geneformer.tokens',
      'val/chunk_0/geneformer-v1.tokens',
      'val/chunk_0/geneformer.tokens',
    ]);
    const kept = Object.entries(first).filter(([name]) => name.startsWith('train'));
    expect(Object.entries(second).filter(([name]) => name.startsWith('train'))).toEqual(kept);
  });

  it('but not those of methods and chunks that the run does not deal with', async () => {
    await countingRun({ prepareOnly: true });
    const all = await tokenFiles();
    await countingRun({ methods: ['geneformer'], chunks: ['train/chunk_0'] });
    expect(await tokenFiles()).toEqual(all);
    await dataset.configure('embedding_cpu: { methods: [gs] }\n');
    await countingRun();
    expect(await tokenFiles()).toEqual(all);
  });

  it('where another vocabulary took the place of theirs', async () => {
    await countingRun({ prepareOnly: true, methods: ['geneformer'] });
    const set = { 'embedding_gpu.method_options.geneformer.map_symbols': false };
    await countingRun({ prepareOnly: true, methods: ['geneformer'], set });
    expect(namesOf(await tokenFiles())).toEqual(['train/chunk_0/geneformer.tokens', 'val/chunk_0/geneformer.tokens']);
  });
});

describe('geneformer that was killed midway', () => {
  it('goes on after its last row block without tokenizing again', async () => {
    const request = { config: dataset.config };
    const { base, plan } = await runInline('planRun', { request, folder: dataset.base }, QUIET);
    const chunk = { base, plan, chunk: 0, method: 'geneformer' };
    expect(await runInline('prepareChunk', chunk, QUIET)).toMatchObject({ computed: true, cells: CELLS });
    const made = await tokenFiles();
    await embedAndKill(base, plan, 'geneformer', 3 * BLOCK_ROWS);
    expect(await runInline('prepareChunk', chunk, QUIET)).toMatchObject({ computed: false });
    const rowsDone: number[] = [];
    const context = { progress: (done: number) => void rowsDone.push(done), checkCancelled() {} };
    const { blocksResumed } = await runInline('embedChunk', { ...chunk, attempt: 'second' }, context);
    expect(blocksResumed).toBeGreaterThanOrEqual(2);
    expect(blocksResumed).toBeLessThan(CELLS / BLOCK_ROWS);
    expect(rowsDone[0]).toBeGreaterThanOrEqual(blocksResumed * BLOCK_ROWS);
    expect(rowsDone.at(-1)).toBe(CELLS);
    expect(await tokenFiles()).toEqual(made);
  });
});

it('damaged tokens fail their method by name, and are made anew once they are deleted', async () => {
  await countingRun({ prepareOnly: true, chunks: ['train/chunk_0'], methods: ['geneformer'] });
  const [name] = Object.keys(await tokenFiles());
  const file = join(prepared(), name!);
  const bytes = await readFile(file);
  bytes[100]! ^= 1;
  await writeFile(file, bytes);
  const run = () => countingRun({ chunks: ['train/chunk_0'] });
  const { failures } = await run();
  expect(failures).toMatchObject([
    {
      method: 'geneformer',
      type: 'InvalidInput',
      message: expect.stringMatching(/Prepared tokens were changed.*Delete the file/),
    },
  ]);
  await rm(file);
  expect((await run()).status).toBe('completed');
});
