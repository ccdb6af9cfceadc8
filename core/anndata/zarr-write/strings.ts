import { mkdir } from 'node:fs/promises';
import type { Json } from '../../methods/types.js';
import { writeFileSynced } from './atomic-file.js';
import { encodeChunk } from './encode.js';
import { chunkPath, v2Compressor, writeNodeMetadata } from './metadata.js';

/** Strings of a chunk at most. */
const CHUNK_STRINGS = 65_536;

export interface StringArray {
  /** [] for a single string. */
  readonly shape: readonly number[];
  readonly attributes: { readonly [key: string]: Json };
  /** Rows [start, end), row-major; asked for in order, chunk by chunk. */
  read(start: number, end: number): Promise<readonly string[]>;
}

/** Writes a vector of strings as a new zarr v2 array of anndata's encoding string-array. */
export async function writeStrings(folder: string, values: readonly string[]): Promise<void> {
  await writeStringArray(folder, {
    shape: [values.length],
    attributes: { 'encoding-type': 'string-array', 'encoding-version': '0.2.0' },
    read: async (start, end) => values.slice(start, end),
  });
}

/** Streams strings into a new zarr v2 array; peak memory is one chunk. */
export async function writeStringArray(folder: string, array: StringArray): Promise<void> {
  const { shape } = array;
  const rows = shape[0] ?? 1;
  const inner = shape.slice(1);
  const rowStrings = inner.reduce((product, size) => product * size, 1);
  const chunkRows = Math.max(1, Math.min(rows, Math.floor(CHUNK_STRINGS / Math.max(1, rowStrings))));
  await mkdir(folder, { recursive: true });
  for (let start = 0; start < rows && rowStrings > 0; start += chunkRows) {
    const strings = await array.read(start, Math.min(rows, start + chunkRows));
    const bytes = encodeVlenUtf8(strings, chunkRows * rowStrings);
    const index = shape.map((_, axis) => (axis === 0 ? start / chunkRows : 0));
    await writeFileSynced(chunkPath('zarr-v2', folder, index), await encodeChunk(bytes, 'blosc', 4));
  }
  await writeNodeMetadata(folder, {
    '.zarray': {
      shape: [...shape],
      chunks: shape.length === 0 ? [] : [chunkRows, ...inner.map((size) => Math.max(1, size))],
      dtype: '|O',
      fill_value: '',
      order: 'C',
      filters: [{ id: 'vlen-utf8' }],
      dimension_separator: '.',
      compressor: v2Compressor('blosc', true),
      zarr_format: 2,
    },
    '.zattrs': array.attributes,
  });
}

/** numcodecs' vlen-utf8: the number of strings, then bytes and UTF-8 of each; padded with empty strings up to `count`. */
function encodeVlenUtf8(values: readonly string[], count: number = values.length): Uint8Array {
  const encoded = values.map((value) => Buffer.from(value, 'utf8'));
  const out = Buffer.alloc(encoded.reduce((sum, bytes) => sum + bytes.length, 4 + 4 * count));
  out.writeUInt32LE(count, 0);
  let at = 4;
  for (const bytes of encoded) {
    out.writeUInt32LE(bytes.length, at);
    bytes.copy(out, at + 4);
    at += 4 + bytes.length;
  }
  return out;
}
