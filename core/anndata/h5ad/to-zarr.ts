import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { invalidInput } from '../../errors.js';
import { writeFileSynced } from '../zarr-write/atomic-file.js';
import { encodeChunk } from '../zarr-write/encode.js';
import {
  arrayMetadata,
  chunkPath,
  itemSize,
  type NumericDtype,
  writeGroupMetadata,
  writeNodeMetadata,
} from '../zarr-write/metadata.js';
import { writeStringArray } from '../zarr-write/strings.js';
import { rowsOfChunk, VectorWriter } from '../zarr-write/vector-writer.js';
import type { ArrayElement, Element, GroupElement, NullElement, StringsElement } from './element.js';
import { writeRecords } from './records-to-zarr.js';

/** Told the bytes of each part that was written; may throw to stop. */
export type Written = (bytes: number) => void;

/** What a string counts for in progress: its length is known only when it is read. */
const STRING_BYTES = 16;

/** Bytes of an element's values, roughly: the total of what `writeElement` reports. */
export function elementBytes(element: Element): number {
  switch (element.kind) {
    case 'null':
      return 0;
    case 'array':
      return items(element.shape) * itemSize(element.dtype);
    case 'strings':
      return items(element.shape) * STRING_BYTES;
    case 'records':
      return element.fields.reduce((sum, field) => sum + elementBytes(field.column), 0);
    case 'group':
      return element.keys.reduce((sum, key) => sum + elementBytes(childOf(element, key)), 0);
  }
}

const items = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Writes an element and all below it as new zarr v2 nodes in AnnData's encoding; peak memory is a few chunks. */
export async function writeElement(element: Element, folder: string, written: Written): Promise<void> {
  switch (element.kind) {
    case 'group':
      return writeGroup(element, folder, written);
    case 'array':
      return element.shape.length === 0 ? writeScalar(element, folder, written) : writeArray(element, folder, written);
    case 'strings':
      return writeText(element, folder, written);
    case 'records':
      return writeRecords(element, folder, written);
    case 'null':
      return writeNull(element, folder);
  }
}

async function writeGroup(group: GroupElement, folder: string, written: Written): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const key of group.keys) await writeElement(childOf(group, key), join(folder, key), written);
  await writeGroupMetadata('zarr-v2', folder, group.attributes);
}

function childOf(group: GroupElement, key: string): Element {
  const child = group.get(key);
  if (child !== null) return child;
  throw invalidInput(
    `${group.where} lists ${JSON.stringify(key)} but does not hold it`,
    'Write the file anew with anndata.',
  );
}

async function writeArray(array: ArrayElement, folder: string, written: Written): Promise<void> {
  const [rows = 0, ...inner] = array.shape;
  const chunkRows = rowsOfChunk(rows, array.dtype, inner);
  const writer = new VectorWriter(folder, { dtype: array.dtype, chunkRows, inner });
  await mkdir(folder, { recursive: true });
  for (let row = 0; row < rows; row += array.rowsPerRead) {
    const bytes = await array.read(row, Math.min(rows, row + array.rowsPerRead));
    await writer.append(bytes);
    written(bytes.length);
  }
  await writer.finish(rows, array.attributes);
}

async function writeScalar(scalar: ArrayElement, folder: string, written: Written): Promise<void> {
  const bytes = await scalar.read(0, 1);
  await writeSingle(folder, scalar.dtype, bytes, scalar.attributes);
  written(bytes.length);
}

/** zarr has no null: anndata writes a boolean that nobody reads. */
async function writeNull(element: NullElement, folder: string): Promise<void> {
  await writeSingle(folder, 'bool', Uint8Array.of(0), element.attributes);
}

async function writeSingle(
  folder: string,
  dtype: NumericDtype,
  bytes: Uint8Array,
  attributes: ArrayElement['attributes'],
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFileSynced(chunkPath('zarr-v2', folder, []), await encodeChunk(bytes, 'blosc', itemSize(dtype)));
  const fillValue = dtype === 'bool' ? false : 0;
  const metadata = arrayMetadata('zarr-v2', { shape: [], dtype, chunks: [], fillValue, codec: 'blosc', attributes });
  await writeNodeMetadata(folder, metadata);
}

async function writeText(text: StringsElement, folder: string, written: Written): Promise<void> {
  await writeStringArray(folder, {
    shape: text.shape,
    attributes: text.attributes,
    async read(start, end) {
      const strings = await text.read(start, end);
      written(strings.length * STRING_BYTES);
      return strings;
    },
  });
}
