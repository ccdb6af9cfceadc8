import { cp, mkdtemp, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixture, rowsOf } from '../reader.contract.js';
import type { AnnData, MatrixPath } from '../types.js';
import { openZarr } from './open-zarr.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-zarr-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function copyOf(name: string): Promise<string> {
  const store = join(folder, name);
  await cp(fixture(name), store, { recursive: true });
  return store;
}

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  const index = at < 0 ? bytes.length + at : at;
  bytes[index] = bytes[index]! ^ 0xff;
  await writeFile(path, bytes);
}

async function editJson(path: string, edit: (value: Record<string, unknown>) => void): Promise<void> {
  const value = JSON.parse(await readFile(path, 'utf8'));
  edit(value);
  await writeFile(path, JSON.stringify(value));
}

const halve = async (path: string) => truncate(path, Math.floor((await readFile(path)).length / 2));
const rows = async (store: string, path: MatrixPath = 'X') => rowsOf(await openZarr(store), path);
const invalid = (...parts: string[]) => ({
  type: 'InvalidInput',
  message: expect.stringMatching(new RegExp(parts.map((part) => part.replace(/[/.[\]]/g, '\\$&')).join('.*'))),
  remedy: expect.stringMatching(/.+/),
});

describe('chunks of a sparse matrix', () => {
  const v2 = 'v2.zarr';
  it.each([
    ['a data chunk is missing', v2, 'X/data/1', unlink, ['chunk 1 of X/data', 'missing']],
    ['an indices chunk is missing', v2, 'X/indices/0', unlink, ['chunk 0 of X/indices', 'missing']],
    ['a Blosc chunk is cut off', v2, 'X/data/0', halve, ['chunk 0 of X/data', 'corrupt', 'Blosc header promises']],
    ['a Blosc chunk is empty', v2, 'X/data/0', (path: string) => truncate(path, 0), ['chunk 0 of X/data', 'corrupt']],
    ['a Blosc header is wrong', v2, 'X/data/0', (path: string) => flip(path, 4), ['chunk 0 of X/data', 'corrupt']],
    [
      'a Blosc chunk of CSC is cut off',
      v2,
      'layers/csc/indices/0',
      halve,
      ['chunk 0 of layers/csc/indices', 'corrupt'],
    ],
    ['a zstd chunk is missing', 'v3.zarr', 'X/data/c/1', unlink, ['chunk c/1 of X/data', 'missing']],
    ['a zstd chunk is cut off', 'v3.zarr', 'X/indices/c/0', halve, ['chunk c/0 of X/indices', 'corrupt']],
    [
      'a zstd header is wrong',
      'v3.zarr',
      'X/data/c/0',
      (path: string) => flip(path, 0),
      ['chunk c/0 of X/data', 'zstd'],
    ],
    ['a shard is missing', 'v3-sharded.zarr', 'X/data/c/0', unlink, ['chunk c/0 of X/data', 'missing']],
    ['a shard is cut off', 'v3-sharded.zarr', 'X/data/c/0', halve, ['chunk c/0 of X/data', 'corrupt']],
    ['a bit of a shard index flips', 'v3-sharded.zarr', 'X/data/c/0', (path: string) => flip(path, -20), ['crc32c']],
  ])('are refused where %s', async (_, name, file, damage, message) => {
    const store = await copyOf(name);
    await damage(join(store, file));
    await expect(rows(store, file.startsWith('layers/csc') ? 'layers/csc' : 'X')).rejects.toMatchObject(
      invalid(...message),
    );
  });
});

describe('chunks of a dense matrix', () => {
  it('mean fill_value where they are absent', async () => {
    const store = await copyOf('v2.zarr');
    await editJson(join(store, 'layers/dense/.zarray'), (array) => {
      array.fill_value = 7;
    });
    await unlink(join(store, 'layers/dense/0.0'));
    const found = await rows(store, 'layers/dense');
    expect(found[0]!.slice(0, 12)).toEqual([...new Array(11).fill(7), expect.any(Number)]);
    expect(found[0]![11]).not.toBe(7);
  });

  it('are refused where they are cut off', async () => {
    const store = await copyOf('v2.zarr');
    await halve(join(store, 'layers/dense/0.1'));
    await expect(rows(store, 'layers/dense')).rejects.toMatchObject(invalid('chunk 0.1 of layers/dense', 'corrupt'));
  });

  it('are refused where an uncompressed one is cut off', async () => {
    const store = await copyOf('v2.zarr');
    await editJson(join(store, 'layers/dense/.zarray'), (array) => {
      array.compressor = null;
    });
    await writeFile(join(store, 'layers/dense/0.0'), Buffer.alloc(8 * 11 * 4 - 1));
    await expect(rows(store, 'layers/dense')).rejects.toMatchObject(
      invalid('chunk 0.0', '352 decoded bytes, found 351'),
    );
  });
});

describe('a sparse matrix whose arrays disagree', () => {
  /** Replaces an int32 array of X by one uncompressed chunk. */
  async function withNumbers(name: 'indptr' | 'indices', edit: (numbers: Int32Array) => Int32Array): Promise<string> {
    const store = await copyOf('v2.zarr');
    const numbers: number[] = [];
    const indptr = [0];
    for await (const block of (await openZarr(store)).rowBlocks('X')) {
      if (block.kind !== 'sparse') throw new Error('X is sparse');
      numbers.push(...block.indices);
      indptr.push(...block.indptr.subarray(1));
    }
    const edited = edit(Int32Array.from(name === 'indptr' ? indptr : numbers));
    const array = join(store, 'X', name);
    await editJson(join(array, '.zarray'), (metadata) => {
      Object.assign(metadata, { shape: [edited.length], chunks: [edited.length], compressor: null });
    });
    await writeFile(join(array, '0'), edited);
    return store;
  }

  it.each([
    ['indptr falls', 'indptr', (n: Int32Array) => n.with(4, 0), ['indptr of X', 'falls']],
    ['indptr does not begin at 0', 'indptr', (n: Int32Array) => n.with(0, 1), ['indptr of X', 'begins at 1']],
    ['indptr ends too early', 'indptr', (n: Int32Array) => n.with(60, n[60]! - 1), ['indptr of X', 'stored values']],
    ['indptr is too short', 'indptr', (n: Int32Array) => n.slice(0, -1), ['expected 61 offsets, found 60']],
    ['indices are too short', 'indices', (n: Int32Array) => n.slice(0, -1), ['values but', 'indices']],
    ['a column is too large', 'indices', (n: Int32Array) => n.with(20, 30), ['X in', 'column 30, expected 0 to 29']],
    ['a column is negative', 'indices', (n: Int32Array) => n.with(20, -1), ['X in', 'column -1']],
    [
      'a column stands twice in a row',
      'indices',
      (n: Int32Array) => n.with(1, n[0]!),
      ['row 0 of X', 'two values in column'],
    ],
  ] as const)('is refused where %s', async (_, name, edit, message) => {
    const store = await withNumbers(name, edit);
    await expect(rows(store)).rejects.toMatchObject(invalid(...message));
  });
});

describe('metadata', () => {
  const attempts: [string, (store: string) => Promise<unknown>, (store: AnnData) => Promise<unknown>, string[]][] = [
    [
      'an array that is not JSON',
      (s) => writeFile(join(s, 'X/data/.zarray'), '{"shape": ['),
      (a) => a.matrix('X'),
      ['X/data/.zarray', 'not valid JSON'],
    ],
    [
      'attributes that are not an object',
      (s) => writeFile(join(s, 'X/.zattrs'), '[]'),
      (a) => a.matrix('X'),
      ['X/.zattrs', 'a JSON object'],
    ],
    [
      'chunks of another dimension',
      (s) =>
        editJson(join(s, 'X/data/.zarray'), (m) => {
          m.chunks = [1, 1];
        }),
      (a) => a.matrix('X'),
      ['X/data/.zarray', 'chunks'],
    ],
    [
      'a shape that is no shape',
      (s) =>
        editJson(join(s, 'X/data/.zarray'), (m) => {
          m.shape = [-1];
        }),
      (a) => a.matrix('X'),
      ['X/data/.zarray', 'shape'],
    ],
    [
      'a matrix of another shape',
      (s) =>
        editJson(join(s, 'X/.zattrs'), (m) => {
          m.shape = [60, 31];
        }),
      (a) => a.matrix('X'),
      ['60 x 31', '60 cells x 30 genes'],
    ],
    [
      'a column that is promised only',
      (s) => rm(join(s, 'obs/donor'), { recursive: true }),
      (a) => a.column('obs', 'donor'),
      ['obs', 'promises a column "donor"'],
    ],
    [
      'codes beyond the categories',
      (s) =>
        editJson(join(s, 'obs/constant/codes/.zarray'), (m) => {
          m.fill_value = 3;
        }),
      (a) => a.column('obs', 'constant'),
      ['code 3 for 1 categories'],
    ],
    [
      'an unknown codec',
      (s) =>
        editJson(join(s, 'X/data/.zarray'), (m) => {
          m.compressor = { id: 'lzma' };
        }),
      (a) => rowsOf(a, 'X'),
      ['X/data', 'lzma'],
    ],
    ['an element outside the store', async () => {}, (a) => a.matrix('layers/../X'), ['not the name of an element']],
  ];
  it.each(attempts)('is refused with %s', async (_, damage, read, message) => {
    const store = await copyOf('v2.zarr');
    if (message[0] === 'code 3 for 1 categories') await rm(join(store, 'obs/constant/codes/0'), { force: true });
    await damage(store);
    await expect(openZarr(store).then(read)).rejects.toMatchObject(invalid(...message));
  });

  it('of both versions is refused', async () => {
    const store = await copyOf('v2.zarr');
    await writeFile(join(store, 'zarr.json'), '{}');
    await expect(openZarr(store)).rejects.toMatchObject(invalid('both zarr versions'));
  });

  it('is refused where there is no store, or another kind of store', async () => {
    await expect(openZarr(join(folder, 'nothing.zarr'))).rejects.toMatchObject(invalid('Input file not found'));
    await expect(openZarr(folder)).rejects.toMatchObject(invalid('not a zarr store'));
    const store = await copyOf('v3.zarr');
    await expect(openZarr(join(store, 'X/data'))).rejects.toMatchObject(invalid('expected a group at the root'));
  });
});

describe('what lies on disk', () => {
  it('counts, not what consolidated metadata promises', async () => {
    const store = await copyOf('v2.zarr');
    await rm(join(store, 'layers/csc'), { recursive: true });
    await cp(join(store, 'layers/dense'), join(store, 'layers/.hidden'), { recursive: true });
    const opened = await openZarr(store);
    expect(await opened.matrix('layers/csc')).toBeNull();
    expect(await opened.keys('layers')).not.toContain('csc');
    expect(await opened.keys('layers')).not.toContain('.hidden');
  });

  it('changes digest and fingerprint with one byte', async () => {
    const store = await copyOf('v2.zarr');
    const before = await openZarr(store);
    const [digest, fingerprint] = [await before.digest('X'), await before.fingerprint(['X'])];
    await flip(join(store, 'X/data/0'), -1);
    expect(await before.digest('X')).not.toBe(digest);
    expect(await before.fingerprint(['X'])).not.toBe(fingerprint);
    expect(await before.digest('layers/counts')).toBe(
      await (await openZarr(fixture('v2.zarr'))).digest('layers/counts'),
    );
  });
});
