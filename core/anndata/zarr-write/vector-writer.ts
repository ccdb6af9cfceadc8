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
  /** Columns of a matrix; absent for a vector. */
  readonly width?: number;
}

/**
 * Streams items into a new zarr v2 array (Blosc as anndata writes it) of rows x `width`, or a vector. Peak memory is
 * one chunk. The metadata comes last, when the number of rows is known, so the array does not exist before `finish`.
 */
export class VectorWriter {
  readonly #folder: string;
  readonly #layout: VectorLayout;
  readonly #chunk: Uint8Array;
  #filled = 0;
  #chunks = 0;

  constructor(folder: string, layout: VectorLayout) {
    this.#folder = folder;
    this.#layout = layout;
    this.#chunk = new Uint8Array(layout.chunkRows * (layout.width ?? 1) * itemSize(layout.dtype));
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
    const { dtype, chunkRows, width } = this.#layout;
    const shape = width === undefined ? [rows] : [rows, width];
    const chunks = width === undefined ? [chunkRows] : [chunkRows, Math.max(1, width)];
    const fillValue = dtype === 'bool' ? false : 0;
    const array = { shape, dtype, chunks, fillValue, codec: 'blosc', attributes } as const;
    await writeNodeMetadata(this.#folder, arrayMetadata('zarr-v2', array));
  }

  async #writeChunk(): Promise<void> {
    if (this.#chunks === 0) await mkdir(this.#folder, { recursive: true });
    const { dtype, width } = this.#layout;
    const index = width === undefined ? [this.#chunks] : [this.#chunks, 0];
    const encoded = await encodeChunk(this.#chunk, 'blosc', itemSize(dtype));
    await writeFileSynced(chunkPath('zarr-v2', this.#folder, index), encoded);
    this.#chunks += 1;
    this.#filled = 0;
  }
}

/** Bytes of a chunk of an array that is written whole. */
const CHUNK_BYTES = 1024 * 1024;

/** Writes a vector (or a matrix of `width` columns) that is in memory as a new zarr v2 array. */
export async function writeVector(
  folder: string,
  dtype: NumericDtype,
  items: ArrayBufferView & { readonly length: number },
  attributes: Attributes = ARRAY_ENCODING,
  width?: number,
): Promise<void> {
  const rowItems = width ?? 1;
  const rows = rowItems === 0 ? 0 : items.length / rowItems;
  const fitting = Math.floor(CHUNK_BYTES / Math.max(1, rowItems * itemSize(dtype)));
  const chunkRows = Math.max(1, Math.min(rows, fitting));
  const writer = new VectorWriter(folder, { dtype, chunkRows, ...(width === undefined ? {} : { width }) });
  await writer.append(items);
  await writer.finish(rows, attributes);
}
