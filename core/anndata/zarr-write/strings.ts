import { mkdir } from 'node:fs/promises';
import { writeFileSynced } from './atomic-file.js';
import { encodeChunk } from './encode.js';
import { chunkPath, v2Compressor, writeNodeMetadata } from './metadata.js';

/** Strings of a chunk at most. */
const CHUNK_STRINGS = 65_536;

/** Writes a vector of strings as a new zarr v2 array of anndata's encoding string-array. */
export async function writeStrings(folder: string, values: readonly string[]): Promise<void> {
  const chunk = Math.max(1, Math.min(values.length, CHUNK_STRINGS));
  await mkdir(folder, { recursive: true });
  for (let start = 0; start < values.length; start += chunk) {
    const bytes = encodeVlenUtf8(values.slice(start, start + chunk), chunk);
    const path = chunkPath('zarr-v2', folder, [start / chunk]);
    await writeFileSynced(path, await encodeChunk(bytes, 'blosc', 4));
  }
  await writeNodeMetadata(folder, {
    '.zarray': {
      shape: [values.length],
      chunks: [chunk],
      dtype: '|O',
      fill_value: '',
      order: 'C',
      filters: [{ id: 'vlen-utf8' }],
      dimension_separator: '.',
      compressor: v2Compressor('blosc', true),
      zarr_format: 2,
    },
    '.zattrs': { 'encoding-type': 'string-array', 'encoding-version': '0.2.0' },
  });
}

/** numcodecs' vlen-utf8: the number of strings, then bytes and UTF-8 of each; padded with empty strings up to `count`. */
export function encodeVlenUtf8(values: readonly string[], count: number = values.length): Uint8Array {
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
