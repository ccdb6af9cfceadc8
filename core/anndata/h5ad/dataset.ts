import { invalidInput } from '../../errors.js';
import { itemSize, type NumericDtype } from '../zarr-write/metadata.js';
import { hdf5Reason, outOfReach } from './file.js';
import { type Dataset, hdf5 } from './library.js';

/** Bytes of one read: HDF5's heap never shrinks and is capped at 2 GiB, and larger reads are no faster. */
export const READ_BYTES = 8 * 1024 * 1024;

const CLASS = { integer: 0, float: 1, string: 3, compound: 6, enum: 8, array: 10 } as const;

/** What `metadata` of a dataset, an attribute or a compound's member says about its type. */
export interface H5Type {
  readonly type: number;
  readonly size: number;
  readonly signed: boolean;
  readonly vlen: boolean;
  readonly littleEndian: boolean;
  readonly cset?: number;
  readonly enum_type?: { readonly type: number; readonly members: Readonly<Record<string, number>> };
  readonly compound_type?: { readonly members: readonly H5Member[] };
  readonly array_type?: H5Type & { readonly shape: number[] | null };
}

export interface H5Member extends H5Type {
  readonly name: string;
  readonly offset: number;
}

export const isString = (type: H5Type): boolean => type.type === CLASS.string;
export const isCompound = (type: H5Type): boolean => type.type === CLASS.compound;
export const isArray = (type: H5Type): boolean => type.type === CLASS.array;

/** numpy-style name of a number or boolean type, or null for any other type. Booleans are enums of FALSE and TRUE. */
export function numericDtype(type: H5Type): NumericDtype | null {
  if (type.type === CLASS.enum && type.enum_type) {
    const { members } = type.enum_type;
    if (type.size === 1 && members.FALSE === 0 && members.TRUE === 1) return 'bool';
    return integerDtype(type);
  }
  if (type.type === CLASS.integer) return integerDtype(type);
  if (type.type === CLASS.float && [2, 4, 8].includes(type.size)) return `float${type.size * 8}` as NumericDtype;
  return null;
}

function integerDtype(type: H5Type): NumericDtype | null {
  if (![1, 2, 4, 8].includes(type.size)) return null;
  return `${type.signed ? 'int' : 'uint'}${type.size * 8}` as NumericDtype;
}

/** `path` of the file and of the dataset in it, for messages. */
export const whereIs = (file: string, dataset: Dataset): string => `${file}: ${dataset.path.replace(/^\//, '')}`;

/** Items of one row: the product of all dimensions but the first. */
export const rowItems = (shape: readonly number[]): number => shape.slice(1).reduce((a, b) => a * b, 1);

/** Storage chunks are read whole up to this, so that none is decoded twice; larger ones (of columns) in parts. */
const WHOLE_CHUNK_BYTES = 8 * READ_BYTES;

/** Rows of one read: about READ_BYTES, and whole storage chunks where memory allows. */
export function rowsPerRead(dataset: Dataset, itemBytes: number): number {
  const shape = dataset.shape ?? [];
  const rowBytes = Math.max(1, rowItems(shape) * itemBytes);
  const wanted = Math.max(1, Math.floor(READ_BYTES / rowBytes));
  const chunkRows = dataset.metadata.chunks?.[0] ?? 1;
  const whole = Math.ceil(wanted / chunkRows) * chunkRows;
  return whole * rowBytes <= WHOLE_CHUNK_BYTES ? whole : wanted;
}

/** Little-endian bytes of rows [start, end) of a dataset of numbers; InvalidInput naming the dataset where they cannot be decoded. */
export async function readBytes(file: string, dataset: Dataset, start: number, end: number): Promise<Uint8Array> {
  const dtype = numericDtype(dataset.metadata as H5Type);
  if (dtype === null) {
    throw invalidInput(
      `${whereIs(file, dataset)} is of a type that holds no numbers: ${JSON.stringify(dataset.dtype)}`,
      'Write the element as numbers, booleans or strings with a current anndata.',
    );
  }
  const shape = dataset.shape ?? [];
  const rowBytes = rowItems(shape) * itemSize(dtype);
  if (shape.length === 0) return readRaw(file, dataset, null, itemSize(dtype), copied);
  const out = new Uint8Array((end - start) * rowBytes);
  const step = rowsPerRead(dataset, itemSize(dtype));
  for (let row = start; row < end; ) {
    // Reads end where storage chunks end, so that no chunk is decoded twice.
    const next = Math.min(end, (Math.floor(row / step) + 1) * step);
    const part = { offset: [row, ...shape.slice(1).map(() => 0)], count: [next - row, ...shape.slice(1)] };
    const target = out.subarray((row - start) * rowBytes, (next - start) * rowBytes);
    await readRaw(file, dataset, part, target.length, (memory) => target.set(memory));
    row = next;
  }
  return out;
}

/** Rows [start, end) as strings, row-major; a scalar is one string. */
export async function readStrings(file: string, dataset: Dataset, start: number, end: number): Promise<string[]> {
  const shape = dataset.shape ?? [];
  const { size, vlen } = dataset.metadata;
  const strings = (end - start) * rowItems(shape);
  const inner = shape.slice(1);
  const part = shape.length === 0 ? null : { offset: [start, ...inner.map(() => 0)], count: [end - start, ...inner] };
  if (vlen) return readRaw(file, dataset, part, strings * size, (pointers) => takeStrings(dataset, part, pointers));
  return readRaw(file, dataset, part, strings * size, (bytes) => fixedStrings(bytes, size));
}

/** Strings of fixed length, which end at the first zero byte. */
export function fixedStrings(bytes: Uint8Array, size: number): string[] {
  const decoder = new TextDecoder();
  return Array.from({ length: bytes.length / size }, (_, i) => {
    const text = bytes.subarray(i * size, (i + 1) * size);
    const zero = text.indexOf(0);
    return decoder.decode(zero < 0 ? text : text.subarray(0, zero));
  });
}

/** Reads the strings that were read as pointers, and frees them. */
function takeStrings(dataset: Dataset, part: Hyperslab | null, pointers: Uint8Array): string[] {
  const addresses = new Uint32Array(pointers.slice().buffer);
  const strings = Array.from(addresses, (address) => hdf5.UTF8ToString(address));
  const { file_id: file, path } = dataset;
  const place = BigInt(pointers.byteOffset);
  if (part === null) hdf5.reclaim_vlen_memory(file, path, '', place);
  else hdf5.reclaim_vlen_memory_count(file, path, '', place, part.count.map(BigInt));
  return strings;
}

/** Rows [start, end) of a compound dataset as arrays of member values: for strings of any length, which bytes only point to. */
export function readStructs(file: string, dataset: Dataset, start: number, end: number): unknown[][] {
  return decoding(file, dataset, () => dataset.slice([[start, end]]) as unknown[][]);
}

/** Rows [start, end) of a compound dataset, record by record as they lie in memory. */
export async function readRecords(file: string, dataset: Dataset, start: number, end: number): Promise<Uint8Array> {
  return readRaw(
    file,
    dataset,
    { offset: [start], count: [end - start] },
    (end - start) * dataset.metadata.size,
    copied,
  );
}

/** Part of a dataset; a scalar has no parts. */
interface Hyperslab {
  readonly offset: readonly number[];
  readonly count: readonly number[];
}

const copied = (bytes: Uint8Array): Uint8Array => bytes.slice();

/**
 * Reads part of a dataset into the library's memory and takes it out of there with `take`. The library's own accessors
 * would turn 64-bit integers into BigInts, refuse float16, and free random addresses after a string that fails to decode.
 */
async function readRaw<T>(
  file: string,
  dataset: Dataset,
  part: Hyperslab | null,
  bytes: number,
  take: (memory: Uint8Array) => T,
): Promise<T> {
  if (bytes === 0) return take(new Uint8Array(0));
  const pointer = hdf5._malloc(bytes);
  if (pointer === 0) throw new Error(`HDF5 could not allocate ${bytes} bytes for ${whereIs(file, dataset)}`);
  try {
    decoding(file, dataset, () => {
      const count = part?.count.map(BigInt) ?? null;
      const offset = part?.offset.map(BigInt) ?? null;
      const strides = part?.count.map(() => 1n) ?? null;
      hdf5.get_dataset_data(dataset.file_id, dataset.path, count, offset, strides, BigInt(pointer));
    });
    return take(hdf5.HEAPU8.subarray(pointer, pointer + bytes));
  } finally {
    hdf5._free(pointer);
  }
}

function decoding<T>(file: string, dataset: Dataset, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const unreachable = outOfReach(whereIs(file, dataset), error);
    if (unreachable !== null) throw unreachable;
    throw invalidInput(
      `${whereIs(file, dataset)} cannot be decoded: ${hdf5Reason(error)}${filterNote(dataset)}`,
      'The data is corrupt, truncated or compressed by an unknown filter: copy the file again, or rewrite it with compression="gzip".',
      error,
    );
  }
}

function filterNote(dataset: Dataset): string {
  const names = dataset.filters.map((filter) => filter.name || `filter ${filter.id}`);
  return names.length === 0 ? '' : ` (filters: ${names.join(', ')})`;
}
