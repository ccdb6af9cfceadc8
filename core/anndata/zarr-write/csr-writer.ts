import { join } from 'node:path';
import { type NumericDtype, writeGroupMetadata } from './metadata.js';
import { VectorWriter, writeVector } from './vector-writer.js';

/** Items of a chunk of data and indices: 768 KiB, about what zarr-python chooses for arrays of 50 to 200 MB. */
const CHUNK_ITEMS = 196_608;
const INT32_MAX = 2 ** 31 - 1;

/** Streams rows into a new `csr_matrix` group of zarr v2. Peak memory is a chunk of data and indices and 8 bytes a row. */
export class CsrWriter {
  readonly #folder: string;
  readonly #columns: number;
  readonly #data: VectorWriter;
  readonly #indices: VectorWriter;
  /** Row ends so far; the first item is 0. */
  readonly #ends: number[] = [0];

  constructor(folder: string, columns: number, dtype: NumericDtype) {
    this.#folder = folder;
    this.#columns = columns;
    this.#data = new VectorWriter(join(folder, 'data'), { dtype, chunkRows: CHUNK_ITEMS });
    this.#indices = new VectorWriter(join(folder, 'indices'), { dtype: 'int32', chunkRows: CHUNK_ITEMS });
  }

  get rows(): number {
    return this.#ends.length - 1;
  }

  /** Appends rows: `indptr` has one item more than rows and begins at 0; its last item is the number of indices and values. */
  async append(indptr: Int32Array, indices: Int32Array, values: ArrayBufferView): Promise<void> {
    const stored = this.#ends.at(-1)!;
    for (const end of indptr.subarray(1)) this.#ends.push(stored + end);
    await this.#data.append(values);
    await this.#indices.append(indices);
  }

  async finish(): Promise<void> {
    const stored = this.#ends.at(-1)!;
    await this.#data.finish(stored, {});
    await this.#indices.finish(stored, {});
    const indptr = join(this.#folder, 'indptr');
    if (stored > INT32_MAX) await writeVector(indptr, 'int64', BigInt64Array.from(this.#ends, BigInt), {});
    else await writeVector(indptr, 'int32', Int32Array.from(this.#ends), {});
    const shape = [this.rows, this.#columns];
    await writeGroupMetadata('zarr-v2', this.#folder, {
      'encoding-type': 'csr_matrix',
      'encoding-version': '0.1.0',
      shape,
    });
  }
}
