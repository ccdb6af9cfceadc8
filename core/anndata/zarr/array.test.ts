import { readFileSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { NumberArray, readStrings } from './array.js';
import { readArrayNode } from './metadata.js';

interface ExpectedArray {
  readonly shape: number[];
  readonly values: (number | boolean | string)[];
}

const folder = fileURLToPath(new URL('../../../test/fixtures/zarr-arrays/', import.meta.url));
const expected: Record<'v2' | 'v3', Record<string, ExpectedArray>> = JSON.parse(
  readFileSync(`${folder}/expected.json`, 'utf8'),
);
const node = (version: 'v2' | 'v3', name: string) =>
  readArrayNode(`${folder}/${version}.zarr`, version === 'v2' ? 2 : 3, name);

/** JSON has no NaN and no booleans of ours. */
const numeric = (values: ExpectedArray['values']) => values.map(Number);

describe.each(['v2', 'v3'] as const)('arrays of zarr %s', (version) => {
  const strings = ['strings', 'unicode', 'bytes'];

  it.each(Object.keys(expected[version]).filter((name) => !strings.includes(name)))(
    'reads numbers: %s',
    async (name) => {
      const array = new NumberArray(node(version, name));
      const { shape, values } = expected[version][name]!;
      expect(array.node.shape).toEqual(shape);
      expect(Array.from(await array.read())).toEqual(numeric(values));
    },
  );

  it.each(['int32', 'int64', 'float16', 'absent'])('reads some rows: %s', async (name) => {
    const array = new NumberArray(node(version, name));
    const { values } = expected[version][name]!;
    for (let start = 0; start < array.rows; start++) {
      for (let end = start; end <= array.rows; end++) {
        const wanted = numeric(values.slice(start * array.rowSize, end * array.rowSize));
        expect(Array.from(await array.read(start, end))).toEqual(wanted);
      }
    }
  });

  it.each(strings.filter((name) => expected[version][name]))('reads strings: %s', async (name) => {
    expect(await readStrings(node(version, name))).toEqual(expected[version][name]!.values);
  });
});

it('delivers 64-bit integers as float64, float16 as float32 and booleans as uint8', async () => {
  const kind = async (name: string) => (await new NumberArray(node('v2', name)).read()).constructor;
  expect(await Promise.all(['int64', 'uint64', 'float16', 'bool'].map(kind))).toEqual([
    Float64Array,
    Float64Array,
    Float32Array,
    Uint8Array,
  ]);
});

it('reads several arrays at the same time', async () => {
  const names = ['float32', 'int64', 'zstd', 'blosc_bitshuffle', 'delta', 'raw', 'gzip'];
  const read = await Promise.all(names.map((name) => new NumberArray(node('v2', name)).read()));
  expect(read.map((values) => Array.from(values))).toEqual(names.map((name) => numeric(expected.v2[name]!.values)));
});

it('refuses a data type that it cannot deliver', () => {
  expect(() => new NumberArray(node('v2', 'dates'))).toThrow(
    /dates in .* has data type <M8\[D\], which cannot be read/,
  );
});

describe('a damaged chunk', () => {
  it.each([
    ['blosc_zlib', 'flipped', 'chunk 0 of array'],
    ['blosc_zstd', 'cut off', 'chunk 0 of array'],
    ['gzip', 'flipped', 'chunk 0 of array'],
    ['zstd', 'cut off', 'chunk 0 of array'],
    ['lz4', 'cut off', 'chunk 0 of array'],
    ['raw', 'cut off', 'chunk 0 of array'],
    ['delta', 'cut off', 'chunk 0 of array'],
  ])('of %s is refused where it is %s', async (name, damage, message) => {
    const store = await mkdtemp(join(tmpdir(), 'obsmith-arrays-'));
    try {
      await cp(join(folder, 'v2.zarr', name), join(store, 'array'), { recursive: true });
      const bytes = await readFile(join(store, 'array/0'));
      const middle = Math.floor(bytes.length / 2);
      bytes[middle] = bytes[middle]! ^ 0x55;
      await writeFile(join(store, 'array/0'), damage === 'flipped' ? bytes : bytes.subarray(0, middle));
      await expect(new NumberArray(readArrayNode(store, 2, 'array')).read()).rejects.toThrow(message);
    } finally {
      await rm(store, { recursive: true });
    }
  });
});
