import { mkdir } from 'node:fs/promises';
import type { Json } from '../../methods/types.js';
import { writeFileSynced } from '../zarr-write/atomic-file.js';
import { encodeChunk } from '../zarr-write/encode.js';
import { chunkPath, itemSize, V2_DTYPES, v2Compressor, writeNodeMetadata } from '../zarr-write/metadata.js';
import type { RecordsElement } from './element.js';

/** A field of a numpy structured dtype, with its values as bytes, `size` for each row. */
interface Field {
  readonly dtype: Json;
  readonly size: number;
  readonly bytes: Uint8Array;
}

/**
 * Writes a structured array (rec-array) as zarr v2; strings get a fixed length, as anndata
 * writes them: their own, or the most UTF-8 bytes that one of them takes.
 */
export async function writeRecords(
  records: RecordsElement,
  folder: string,
  written: (bytes: number) => void,
): Promise<void> {
  const fields: Field[] = [];
  for (const { name, column, length } of records.fields) {
    const rows = records.rows;
    fields.push(
      column.kind === 'strings'
        ? fixedStrings(name, await column.read(0, rows), length)
        : numbers(name, column.dtype, column.shape.slice(1), await column.read(0, rows)),
    );
    written(fields.at(-1)!.bytes.length);
  }
  await mkdir(folder, { recursive: true });
  if (records.rows > 0) {
    const path = chunkPath('zarr-v2', folder, [0]);
    await writeFileSynced(path, await encodeChunk(interleave(fields, records.rows), 'blosc', 1));
  }
  await writeNodeMetadata(folder, {
    '.zarray': {
      shape: [records.rows],
      chunks: [Math.max(1, records.rows)],
      dtype: fields.map((field) => field.dtype),
      fill_value: null,
      order: 'C',
      filters: null,
      dimension_separator: '.',
      compressor: v2Compressor('blosc', false),
      zarr_format: 2,
    },
    '.zattrs': records.attributes,
  });
}

function numbers(name: string, dtype: keyof typeof V2_DTYPES, inner: readonly number[], bytes: Uint8Array): Field {
  const size = inner.reduce((product, length) => product * length, itemSize(dtype));
  const type = V2_DTYPES[dtype];
  return { dtype: inner.length === 0 ? [name, type] : [name, type, [...inner]], size, bytes };
}

/** numpy's U: four bytes for each code point, padded with zeros. */
function fixedStrings(name: string, strings: readonly string[], known: number | null): Field {
  const points = strings.map((text) => Array.from(text, (character) => character.codePointAt(0)!));
  const length = known ?? Math.max(1, ...strings.map((text) => Buffer.byteLength(text)));
  const codes = new Uint32Array(strings.length * length);
  points.forEach((text, row) => {
    codes.set(text, row * length);
  });
  return { dtype: [name, `<U${length}`], size: 4 * length, bytes: new Uint8Array(codes.buffer) };
}

function interleave(fields: readonly Field[], rows: number): Uint8Array {
  const size = fields.reduce((sum, field) => sum + field.size, 0);
  const out = new Uint8Array(rows * size);
  let offset = 0;
  for (const field of fields) {
    for (let row = 0; row < rows; row++) {
      out.set(field.bytes.subarray(row * field.size, (row + 1) * field.size), row * size + offset);
    }
    offset += field.size;
  }
  return out;
}
