import { mkdir } from 'node:fs/promises';
import type { Json } from '../../methods/types.js';
import { writeFileSynced } from './atomic-file.js';
import { encodeChunk } from './encode.js';
import { arrayMetadata, chunkPath, itemSize, type NumericDtype, writeNodeMetadata } from './metadata.js';

type Attributes = { readonly [key: string]: Json };

/** Attributes of an array by anndata's encoding. */
export const ARRAY_ENCODING: Attributes = { 'encoding-type': 'array', 'encoding-version': '0.2.0' };

export interface VectorLayout {
  readonly dtype: NumericDtype;
  /** Rows of a chunk. */
  readonly chunkRows: number;
  /** Sizes of the other axes; absent for a vector. */
  readonly inner?: readonly number[];
}

/**
 * Streams items into a new zarr v2 array (Blosc as anndata writes it), chunked by rows. Peak memory is two chunks. The metadata comes last, when the number of rows is known, so the array does not exist before `finish`.
 */
export class VectorWriter {
  readonly #folder: string;
  readonly #layout: VectorLayout;
  readonly #chunk: Uint8Array;
  #filled = 0;
  #chunks = 0;
  /** The write that runs while the next chunk is filled; resolves to its error. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(folder: string, layout: VectorLayout) {
    this.#folder = folder;
    this.#layout = layout;
    this.#chunk = new Uint8Array(layout.chunkRows * product(layout.inner ?? []) * itemSize(layout.dtype));
  }

  /** Appends items whose bytes are little-endian values of the array's type. */
  async append(items: ArrayBufferView): Promise<void> {
    const bytes = new Uint8Array(items.buffer, items.byteOffset, items.byteLength);
    for (let read = 0; read < bytes.length; ) {
      const part = bytes.subarray(read, read + this.#chunk.length - this.#filled);
      this.#chunk.set(part, this.#filled);
      this.#filled += part.length;
      read += part.length;
      if (this.#filled === this.#chunk.length) await this.#writeChunk();
    }
  }

  /** Writes the last chunk, padded with zeros, and the metadata. */
  async finish(rows: number, attributes: Attributes): Promise<void> {
    if (this.#filled > 0) {
      this.#chunk.fill(0, this.#filled);
      await this.#writeChunk();
    }
    const { dtype, chunkRows, inner = [] } = this.#layout;
    const shape = [rows, ...inner];
    const chunks = [chunkRows, ...inner.map((size) => Math.max(1, size))];
    const fillValue = dtype === 'bool' ? false : 0;
    const array = { shape, dtype, chunks, fillValue, codec: 'blosc', attributes } as const;
    await writeNodeMetadata(this.#folder, arrayMetadata('zarr-v2', array));
  }

  async #writeChunk(): Promise<void> {
    if (this.#chunks === 0) await mkdir(this.#folder, { recursive: true });
    const { dtype, inner = [] } = this.#layout;
    const index = [this.#chunks, ...inner.map(() => 0)];
    const encoded = await encodeChunk(this.#chunk, 'blosc', itemSize(dtype));
    this.#chunks += 1;
    this.#filled = 0;
    await this.#written();
    this.#writing = writeFileSynced(chunkPath('zarr-v2', this.#folder, index), encoded).then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  async #written(): Promise<void> {
    const error = await this.#writing;
    if (error !== undefined) throw error;
  }
}

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

/** Bytes of a chunk: what zarr-python chooses for vectors; rows of matrices are wider. */
const VECTOR_CHUNK_BYTES = 1024 * 1024;
const MATRIX_CHUNK_BYTES = 4 * VECTOR_CHUNK_BYTES;

/** Rows of a chunk of an array that has `rows` rows. */
export function rowsOfChunk(rows: number, dtype: NumericDtype, inner: readonly number[] = []): number {
  const bytes = inner.length === 0 ? VECTOR_CHUNK_BYTES : MATRIX_CHUNK_BYTES;
  const fitting = Math.floor(bytes / Math.max(1, product(inner) * itemSize(dtype)));
  return Math.max(1, Math.min(rows, fitting));
}

/** Writes a vector that is in memory as a new zarr v2 array. */
export async function writeVector(
  folder: string,
  dtype: NumericDtype,
  items: ArrayBufferView & { readonly length: number },
  attributes: Attributes = ARRAY_ENCODING,
): Promise<void> {
  const writer = new VectorWriter(folder, { dtype, chunkRows: rowsOfChunk(items.length, dtype) });
  await writer.append(items);
  await writer.finish(items.length, attributes);
}
