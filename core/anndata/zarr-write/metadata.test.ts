import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { arrayMetadata, chunkPath, type NodeMetadata, type NumericArray, type ZarrFormat } from './metadata.js';

interface Case {
  readonly array: Omit<NumericArray, 'attributes' | 'fillValue'> & { readonly fillValue: number | boolean | 'NaN' };
  readonly 'zarr-v2': NodeMetadata;
  readonly 'zarr-v3': NodeMetadata;
}

// What zarr-python writes for the same arrays: test/oracle/zarr_metadata.py.
const file = fileURLToPath(new URL('../../../test/fixtures/zarr-metadata.json', import.meta.url));
const cases: Case[] = JSON.parse(readFileSync(file, 'utf8'));

describe('arrayMetadata', () => {
  const formats: ZarrFormat[] = ['zarr-v2', 'zarr-v3'];
  it.each(cases.flatMap((item) => formats.map((format) => ({ format, item, ...item.array }))))(
    'writes $dtype $shape by $codec in $format as zarr-python does',
    ({ format, item }) => {
      const { fillValue, ...array } = item.array;
      const number = fillValue === 'NaN' ? Number.NaN : fillValue;
      expect(arrayMetadata(format, { ...array, fillValue: number, attributes: { a: 1 } })).toEqual(item[format]);
    },
  );
});

describe('chunkPath', () => {
  it('follows the key encoding of each format', () => {
    expect(chunkPath('zarr-v2', '/a', [3, 0])).toBe('/a/3.0');
    expect(chunkPath('zarr-v2', '/a', [])).toBe('/a/0');
    expect(chunkPath('zarr-v3', '/a', [3, 0])).toBe('/a/c/3/0');
    expect(chunkPath('zarr-v3', '/a', [])).toBe('/a/c');
  });
});
