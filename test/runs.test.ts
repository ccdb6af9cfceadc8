import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type CommandEnd, commandLine } from './command-line.js';
import { filesBelow } from './publishing.js';

/** Every run starts a server and a worker. */
vi.setConfig({ testTimeout: 120_000 });

const METHODS = ['hvg', 'pca', 'gs', 'gs10k', 'scvi_fm', 'geneformer'];
let base: string;
let outputs: string;
/** sha256 of every file that the first run made. */
let first: Record<string, string>;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-runs-'));
  outputs = join(base, 'processed_with_emb');
});
afterAll(() => rm(base, { recursive: true, force: true }));

const demo = (...argv: string[]): Promise<CommandEnd> => commandLine(['demo', '--base', base, ...argv]);
const counts = (computed: number, skipped: number) => ({ computed, skipped, failed: 0, cancelled: 0 });
const ofAllMethods = (value: object) =>
  Object.fromEntries(METHODS.map((method) => [method, expect.objectContaining(value)]));

describe('the demo', () => {
  it('embeds two samples, shows a table and how to go on, and ends with 0', async () => {
    const { code, out, err } = await demo();
    expect(err).not.toMatch(/error|warn/i);
    expect(code).toBe(0);
    for (const chunk of ['train/chunk_0', 'val/chunk_0']) {
      for (const method of METHODS) expect(out).toMatch(new RegExp(`${chunk} +${method} +200 .* computed`));
      expect(out).toContain(join(outputs, 'train/pbmc_demo', `${chunk}.zarr`));
    }
    expect(out).toContain('anndata.read_zarr(');
    first = await filesBelow(outputs);
    expect(Object.keys(first).length).toBeGreaterThan(50);
  });

  it('skips everything when it is started again', async () => {
    const { code, out } = await demo('--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      status: 'completed',
      chunks: { total: 2, completed: 0, skipped: 2, failed: 0, cancelled: 0 },
      methods: ofAllMethods(counts(0, 2)),
    });
    expect(await filesBelow(outputs)).toEqual(first);
  });

  it('computes only an array that was deleted, to the same bytes', async () => {
    await rm(join(outputs, 'train/pbmc_demo/val/chunk_0.zarr/obsm/X_pca'), { recursive: true });
    const { code, out } = await demo('--json');
    expect(code).toBe(0);
    expect(JSON.parse(out).methods).toEqual({
      ...ofAllMethods(counts(0, 2)),
      pca: expect.objectContaining(counts(1, 1)),
    });
    expect(await filesBelow(outputs)).toEqual(first);
  });

  it('computes everything again with --overwrite, to the same bytes', async () => {
    const { code, out } = await demo('--overwrite', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out).methods).toEqual(ofAllMethods({ ...counts(2, 0), cells: 400 }));
    expect(await filesBelow(outputs)).toEqual(first);
  });
});

describe('run', () => {
  const config = () => join(base, 'dataset_pbmc_demo.yaml');

  it('prints one JSON document of the documented shape', async () => {
    const { code, out } = await commandLine([
      'run',
      config(),
      '--methods',
      'gs',
      '--chunk',
      'val/chunk_0',
      '--overwrite',
      '--json',
    ]);
    expect(code).toBe(0);
    const output = (split: string) => join(outputs, `train/pbmc_demo/${split}/chunk_0.zarr`);
    expect(JSON.parse(out)).toEqual({
      workflowId: 'embed-pbmc_demo',
      runId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      status: 'completed',
      chunks: { total: 1, completed: 1, failed: 0, skipped: 0, cancelled: 0 },
      methods: { gs: { ...counts(1, 0), seconds: expect.any(Number), cells: 200 } },
      failures: [],
      failuresUri: null,
      outputs: [output('val')],
      seconds: expect.any(Number),
      peakRssBytes: expect.any(Number),
    });
    expect(await filesBelow(outputs)).toEqual(first);
  });

  it('ends with 2 where the configuration makes no sense, and with one document', async () => {
    await writeFile(join(base, 'bad.yaml'), 'dataset: { name: pbmc_demo }\nembedding_cpu: { methods: [hgv] }\n');
    const { code, out, err } = await commandLine(['run', join(base, 'bad.yaml'), '--json'], { BASE_FILE_PATH: base });
    expect(code).toBe(2);
    expect(JSON.parse(out).error).toMatchObject({ type: 'InvalidConfig' });
    expect(err).toContain('Did you mean "hvg"?');
  });

  it('ends with 1 where a chunk fails, and with 3 where that is allowed', async () => {
    const file = join(base, 'processed/train/pbmc_demo/val/chunk_0.zarr/X/data/0');
    const bytes = await readFile(file);
    await writeFile(file, bytes.subarray(0, bytes.length / 2));
    const failure = {
      chunk: 'val/chunk_0',
      method: 'gs',
      type: 'InvalidInput',
      message: expect.stringContaining('is corrupt'),
    };
    const run = (...argv: string[]) => commandLine(['run', config(), '--methods', 'gs', '--json', ...argv]);
    const failed = await run();
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.out)).toMatchObject({ status: 'failed', failures: [failure] });
    const partial = await run('--set', 'max_failed_chunks=1');
    expect(partial.code).toBe(3);
    expect(JSON.parse(partial.out)).toMatchObject({ status: 'partial', failures: [failure] });
  });
});
