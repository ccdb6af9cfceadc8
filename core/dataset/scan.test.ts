import { cp, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openAnnData } from '../anndata/open.js';
import { expressionMatrix } from '../methods/expression.js';
import { inputDigest } from '../methods/provenance.js';
import { QUIET } from '../tasks/types.js';
import { freshScan, readScan, scanChunk } from './scan.js';

const HEART = fileURLToPath(new URL('../../test/fixtures/heart-60', import.meta.url));
const ELEMENTS = ['X', 'obs/_index', 'var/_index'];

let base: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-scan-'));
  await mkdir(join(base, 'processed'));
});
afterEach(() => rm(base, { recursive: true }));

const chunkOf = (format: 'zarr' | 'h5ad') => ({ name: 'train/chunk_0', input: `processed/chunk_0.${format}` });

async function place(format: 'zarr' | 'h5ad'): Promise<string> {
  const path = join(base, chunkOf(format).input);
  await cp(join(HEART, `chunk_0.${format}`), path, { recursive: true });
  return path;
}

const scan = (format: 'zarr' | 'h5ad', elements = ELEMENTS, context = QUIET) =>
  scanChunk({ base, dataset: 'heart', chunk: chunkOf(format), elements }, context);

describe.each(['zarr', 'h5ad'] as const)('scanChunk of %s', (format) => {
  it('finds shape, expression and digests, and keeps them', async () => {
    await place(format);
    const found = await scan(format);
    expect(found).toMatchObject({ name: 'train/chunk_0', cells: 60, genes: 136, expression: 'X', hasX: true });
    expect(Object.keys(found.digests).sort()).toEqual(ELEMENTS);
    for (const digest of Object.values(found.digests)) expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(await readScan(base, 'heart', 'train/chunk_0')).toEqual(found);
  });

  it('does not read X again while the files are the same', async () => {
    await place(format);
    const first = await scan(format);
    const progress = vi.fn();
    expect(await scan(format, ELEMENTS, { ...QUIET, progress })).toEqual(first);
    expect(progress).not.toHaveBeenCalled();
  });

  it('adds digests of further elements to the kept ones', async () => {
    await place(format);
    const first = await scan(format);
    const progress = vi.fn();
    const second = await scan(format, ['layers/counts'], { ...QUIET, progress });
    expect(second.digests).toMatchObject(first.digests);
    expect(second.digests['layers/counts']).toMatch(/^[0-9a-f]{64}$/);
    expect(progress).not.toHaveBeenCalled();
  });

  it('reads X again once its file was touched', async () => {
    const path = await place(format);
    const first = await scan(format);
    await utimes(format === 'zarr' ? join(path, 'X/data/0') : path, 1e9, 1e9);
    const progress = vi.fn();
    const second = await scan(format, ELEMENTS, { ...QUIET, progress });
    expect(progress).toHaveBeenCalledWith(60, 60);
    expect(second.digests).toEqual(first.digests);
    expect(second.fingerprint).not.toBe(first.fingerprint);
  });
});

/** Replaces the stored values of X, which then lie in one raw chunk. */
async function changeValues(store: string, change: (values: Float32Array) => void): Promise<void> {
  const input = await openAnnData(store);
  const values: number[] = [];
  for await (const block of input.rowBlocks('X')) values.push(...block.values);
  await input.close();
  const changed = Float32Array.from(values);
  change(changed);
  const file = join(store, 'X/data/.zarray');
  const metadata = { ...JSON.parse(await readFile(file, 'utf8')), chunks: [changed.length], compressor: null };
  await writeFile(file, JSON.stringify(metadata));
  await rm(join(store, '.zmetadata'), { force: true });
  await writeFile(join(store, 'X/data/0'), changed);
}

it.each([Number.NaN, Number.POSITIVE_INFINITY])(
  'takes %s in X for no expression, and names its cell and gene',
  async (bad) => {
    const store = await place('zarr');
    // scipy has the second stored value at row 0, column 4.
    await changeValues(store, (values) => {
      values[1] = bad;
    });
    expect(await scan('zarr')).toMatchObject({
      expression: null,
      noExpression: {
        message: expect.stringContaining(
          `X of train/chunk_0 holds ${bad} at row 0, column 4 (cell "CAGCACGGTTACTCAG-1-H0026_LV_V3-0", gene "ENSG00000162599")`,
        ),
        remedy: expect.stringContaining('Remove or impute'),
      },
    });
  },
);

describe('scaled X beside counts', () => {
  const COUNTS_ONLY = ['layers/counts', 'obs/_index', 'var/_index'];
  beforeEach(async () => {
    const store = await place('zarr');
    await changeValues(store, (values) => {
      values[1] = -1.5;
    });
  });

  it('is no expression, found once, and digested no further', async () => {
    const found = await scan('zarr');
    expect(found.noExpression?.message).toContain('negative values (minimum -1.5)');
    expect(Object.keys(found.digests).sort()).toEqual(['obs/_index', 'var/_index']);
    expect(() => expressionMatrix(found)).toThrow(expect.objectContaining({ type: 'InvalidInput' }));
    const progress = vi.fn();
    expect(await scan('zarr', ELEMENTS, { ...QUIET, progress })).toEqual(found);
    expect(progress).not.toHaveBeenCalled();
  });

  it('is not looked at for methods that read counts only, and does not touch what they depend on', async () => {
    const progress = vi.fn();
    const counts = await scan('zarr', COUNTS_ONLY, { ...QUIET, progress });
    expect(progress).not.toHaveBeenCalled();
    expect(counts).toMatchObject({ expression: null });
    expect(counts).not.toHaveProperty('noExpression');
    const both = await scan('zarr', [...COUNTS_ONLY, 'X']);
    expect(both.noExpression?.message).toContain('negative values');
    expect(inputDigest(COUNTS_ONLY, both)).toBe(inputDigest(COUNTS_ONLY, counts));
  });
});

it('digests counts where expression is made from them', async () => {
  const store = await place('zarr');
  await changeValues(store, (values) => {
    values.fill(120.5);
  });
  const found = await scan('zarr');
  expect(found.expression).toBe('layers/counts');
  expect(Object.keys(found.digests).sort()).toEqual(['X', 'layers/counts', 'obs/_index', 'var/_index']);
});

it('finds expression in counts where there is no X, and keeps that', async () => {
  const store = await place('zarr');
  await rm(join(store, 'X'), { recursive: true });
  await rm(join(store, '.zmetadata'), { force: true });
  const found = await scan('zarr');
  expect(found).toMatchObject({ expression: 'layers/counts', hasX: false });
  expect(Object.keys(found.digests).sort()).toEqual(['layers/counts', 'obs/_index', 'var/_index']);
  expect(await freshScan({ base, dataset: 'heart', chunk: chunkOf('zarr'), elements: ELEMENTS })).toEqual(found);
});

it('makes a kept scan that is not whole anew', async () => {
  await place('zarr');
  const first = await scan('zarr');
  const sidecar = join(base, '.obsmith/scans/heart/train/chunk_0.json');
  await writeFile(sidecar, (await readFile(sidecar, 'utf8')).slice(0, 50));
  expect(await readScan(base, 'heart', 'train/chunk_0')).toBeNull();
  expect(await scan('zarr')).toEqual(first);
});

it('tells whether a scan is still fresh without making one', async () => {
  const path = await place('zarr');
  const fresh = (elements = ELEMENTS) => freshScan({ base, dataset: 'heart', chunk: chunkOf('zarr'), elements });
  expect(await fresh()).toBeNull();
  const found = await scan('zarr');
  expect(await fresh()).toEqual(found);
  expect(await fresh(['layers/counts'])).toBeNull();
  await utimes(join(path, 'X/data/0'), 1e9, 1e9);
  expect(await fresh()).toBeNull();
  expect(await readScan(base, 'heart', 'train/chunk_0')).toEqual(found);
});

it('answers null for a chunk that was never scanned', async () => {
  expect(await readScan(base, 'heart', 'train/chunk_0')).toBeNull();
});

it('stops when it is cancelled', async () => {
  await place('zarr');
  const checkCancelled = () => {
    throw new Error('cancelled');
  };
  await expect(scan('zarr', ELEMENTS, { ...QUIET, checkCancelled })).rejects.toThrow('cancelled');
});

it('names a missing input', async () => {
  await expect(scan('zarr')).rejects.toMatchObject({
    type: 'InvalidInput',
    message: expect.stringContaining('Input file not found'),
  });
});
