import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Json } from '../../methods/types.js';
import { writeFileAtomic } from './atomic-file.js';

export type ZarrFormat = 'zarr-v2' | 'zarr-v3';

export type NumericDtype =
  | 'bool'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'float16'
  | 'float32'
  | 'float64';

/** Codecs that zarr-python reads by default. blosc: lz4, level 5, byte shuffle, as anndata writes v2; zstd: level 1. */
export type ChunkCodec = 'raw' | 'blosc' | 'zstd';

export interface NumericArray {
  readonly shape: readonly number[];
  readonly dtype: NumericDtype;
  readonly chunks: readonly number[];
  readonly fillValue: number | boolean | null;
  readonly codec: ChunkCodec;
  readonly attributes: { readonly [key: string]: Json };
}

/** Metadata files of one node: file name -> content. */
export type NodeMetadata = Readonly<Record<string, Json>>;

export const V2_DTYPES: Readonly<Record<NumericDtype, string>> = {
  bool: '|b1',
  int8: '|i1',
  uint8: '|u1',
  int16: '<i2',
  uint16: '<u2',
  int32: '<i4',
  uint32: '<u4',
  int64: '<i8',
  uint64: '<u8',
  float16: '<f2',
  float32: '<f4',
  float64: '<f8',
};

export const isNumericDtype = (name: string | undefined): name is NumericDtype =>
  name !== undefined && Object.hasOwn(V2_DTYPES, name);

/** Bytes of one element. */
export const itemSize = (dtype: NumericDtype): number => Number(V2_DTYPES[dtype].slice(2));

/** `compressor` of a v2 `.zarray`. */
export function v2Compressor(codec: ChunkCodec, shuffle: boolean): Json {
  if (codec === 'raw') return null;
  if (codec === 'zstd') return { id: 'zstd', level: 1 };
  return { id: 'blosc', cname: 'lz4', clevel: 5, shuffle: shuffle ? 1 : 0, blocksize: 0 };
}

/** Metadata of a little-endian, C-ordered array of numbers or booleans. */
export function arrayMetadata(format: ZarrFormat, array: NumericArray): NodeMetadata {
  return format === 'zarr-v2' ? v2ArrayMetadata(array) : v3ArrayMetadata(array);
}

function v2ArrayMetadata(array: NumericArray): NodeMetadata {
  return {
    '.zarray': {
      shape: [...array.shape],
      chunks: [...array.chunks],
      dtype: V2_DTYPES[array.dtype],
      fill_value: fillValueJson(array.fillValue),
      order: 'C',
      filters: null,
      dimension_separator: '.',
      compressor: v2Compressor(array.codec, itemSize(array.dtype) > 1),
      zarr_format: 2,
    },
    '.zattrs': array.attributes,
  };
}

function v3ArrayMetadata(array: NumericArray): NodeMetadata {
  const size = itemSize(array.dtype);
  const codecs: Json[] = [size === 1 ? { name: 'bytes' } : { name: 'bytes', configuration: { endian: 'little' } }];
  if (array.codec === 'zstd') codecs.push({ name: 'zstd', configuration: { level: 1, checksum: false } });
  if (array.codec === 'blosc') {
    const shuffle = size > 1 ? 'shuffle' : 'noshuffle';
    codecs.push({ name: 'blosc', configuration: { typesize: size, cname: 'lz4', clevel: 5, shuffle, blocksize: 0 } });
  }
  return {
    'zarr.json': {
      zarr_format: 3,
      node_type: 'array',
      shape: [...array.shape],
      data_type: array.dtype,
      chunk_grid: { name: 'regular', configuration: { chunk_shape: [...array.chunks] } },
      chunk_key_encoding: { name: 'default', configuration: { separator: '/' } },
      fill_value: fillValueJson(array.fillValue ?? (array.dtype === 'bool' ? false : 0)),
      codecs,
      attributes: array.attributes,
      storage_transformers: [],
    },
  };
}

/** JSON has no NaN or infinities; both zarr versions spell them as these strings. */
function fillValueJson(value: number | boolean | null): Json {
  if (typeof value !== 'number' || Number.isFinite(value)) return value;
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? 'Infinity' : '-Infinity';
}

export function groupMetadata(format: ZarrFormat, attributes: { readonly [key: string]: Json }): NodeMetadata {
  return format === 'zarr-v2'
    ? { '.zgroup': { zarr_format: 2 }, '.zattrs': attributes }
    : { 'zarr.json': { zarr_format: 3, node_type: 'group', attributes } };
}

/** Writes a node's metadata files, each by temp + rename; creates the folder. A node exists from here on, so arrays write it last. */
export async function writeNodeMetadata(folder: string, metadata: NodeMetadata): Promise<void> {
  await mkdir(folder, { recursive: true });
  const names = Object.keys(metadata).sort((a, b) => Number(isAttributes(b)) - Number(isAttributes(a)));
  for (const name of names) await writeFileAtomic(join(folder, name), JSON.stringify(metadata[name], null, 2));
}

/** Attributes go first: an array or group must never be visible without them. */
const isAttributes = (name: string): boolean => name === '.zattrs';

export async function writeGroupMetadata(
  format: ZarrFormat,
  folder: string,
  attributes: { readonly [key: string]: Json },
): Promise<void> {
  await writeNodeMetadata(folder, groupMetadata(format, attributes));
}

/** Path of a chunk file: `0.1` in v2, `c/0/1` in v3; a scalar has one chunk, `0` or `c`. */
export function chunkPath(format: ZarrFormat, folder: string, index: readonly number[]): string {
  if (format === 'zarr-v2') return join(folder, index.length === 0 ? '0' : index.join('.'));
  return join(folder, 'c', ...index.map(String));
}
