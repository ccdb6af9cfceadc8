import { join } from 'node:path';
import { checkIndptr } from '../csr.js';
import { type ArrayElement, encodingType, type GroupElement } from '../h5ad/element.js';
import type { Written } from '../h5ad/to-zarr.js';
import { numbersOf } from '../h5ad/values.js';
import { itemSize, writeGroupMetadata } from '../zarr-write/metadata.js';
import { encodeNumbers } from '../zarr-write/numbers.js';
import { rowsOfChunk, VectorWriter, writeVector } from '../zarr-write/vector-writer.js';
import { inSteps, placesOf, type Taken } from './taken.js';

/** Stored values that are read together. */
const ITEMS_PER_READ = 262_144;

/** Rows and columns of a matrix; null takes all. */
export interface MatrixPart {
  readonly rows: Taken | null;
  readonly columns: Taken | null;
}

/**
 * Writes some rows and columns of a csr_matrix or csc_matrix as a new zarr v2 group of the same encoding and types; stored
 * values keep their order and bits, explicit zeros stay. Memory: a few reads, and a few bytes for each row and column.
 */
export async function writeSparsePart(
  matrix: GroupElement,
  folder: string,
  part: MatrixPart,
  written: Written,
): Promise<void> {
  const isCsr = encodingType(matrix) === 'csr_matrix';
  const [rows, columns] = (matrix.attributes.shape as number[]).map(Number) as [number, number];
  const lines = isCsr ? { taken: part.rows, of: rows } : { taken: part.columns, of: columns };
  const across = isCsr ? part.columns : part.rows;
  const array = (name: string): ArrayElement => matrix.get(name) as ArrayElement;
  const indptr = array('indptr');
  const source = Float64Array.from(numbersOf(await indptr.read(0, indptr.shape[0]!), indptr.dtype, indptr.where));
  checkIndptr(source, lines.of, array('data').shape[0]!, matrix.where);

  const ends = new Float64Array((lines.taken?.positions.length ?? lines.of) + 1);
  const entries = new EntryWriter(array('data'), array('indices'), folder, across, written);
  for (let line = 0; line + 1 < ends.length; line++) {
    const position = lines.taken?.positions[line] ?? line;
    ends[line + 1] = ends[line]! + (await entries.copy(source[position]!, source[position + 1]!));
  }
  await entries.finish();
  await writeVector(join(folder, 'indptr'), indptr.dtype, encodeNumbers(ends, indptr.dtype), {});
  const shape = [part.rows?.positions.length ?? rows, part.columns?.positions.length ?? columns];
  await writeGroupMetadata('zarr-v2', folder, { ...matrix.attributes, shape });
}

/** Copies runs of stored values; those of other indices than the taken ones are dropped, the others renumbered. */
class EntryWriter {
  readonly #indices: ArrayElement;
  readonly #places: Int32Array | null;
  readonly #readData: ReturnType<typeof inSteps<Uint8Array>>;
  readonly #readIndices: ReturnType<typeof inSteps<Uint8Array>>;
  readonly #dataSize: number;
  readonly #data: VectorWriter;
  readonly #index: VectorWriter;
  readonly #written: Written;
  #stored = 0;

  constructor(data: ArrayElement, indices: ArrayElement, folder: string, across: Taken | null, written: Written) {
    const items = data.shape[0]!;
    this.#indices = indices;
    this.#places = across && placesOf(across);
    this.#readData = inSteps(data.read, items, ITEMS_PER_READ);
    this.#readIndices = inSteps(indices.read, items, ITEMS_PER_READ);
    this.#dataSize = itemSize(data.dtype);
    const writer = (name: string, { dtype }: ArrayElement) =>
      new VectorWriter(join(folder, name), { dtype, chunkRows: rowsOfChunk(items, dtype) });
    this.#data = writer('data', data);
    this.#index = writer('indices', indices);
    this.#written = written;
  }

  /** Copies what is taken of the values [start, end), and says how many they are. */
  async copy(start: number, end: number): Promise<number> {
    const before = this.#stored;
    for (let at = start; at < end; ) {
      const data = await this.#readData(at);
      const indices = await this.#readIndices(at);
      const next = Math.min(end, data.end);
      const slice = ({ values, start: first }: typeof data, size: number) =>
        values.subarray((at - first) * size, (next - first) * size);
      await this.#append(slice(data, this.#dataSize), slice(indices, itemSize(this.#indices.dtype)));
      this.#written((next - at) * this.#dataSize);
      at = next;
    }
    return this.#stored - before;
  }

  async #append(data: Uint8Array, indices: Uint8Array): Promise<void> {
    const { dtype, where } = this.#indices;
    if (this.#places === null) {
      this.#stored += data.length / this.#dataSize;
      await this.#data.append(data);
      await this.#index.append(indices);
      return;
    }
    const places = this.#places;
    const size = this.#dataSize;
    const kept = new Uint8Array(data.length);
    const renumbered: number[] = [];
    numbersOf(indices.slice(), dtype, where).forEach((index: number, item: number) => {
      const place = places[index] ?? -1;
      if (place < 0) return;
      kept.set(data.subarray(item * size, (item + 1) * size), renumbered.length * size);
      renumbered.push(place);
    });
    this.#stored += renumbered.length;
    await this.#data.append(kept.subarray(0, renumbered.length * size));
    await this.#index.append(encodeNumbers(renumbered, dtype));
  }

  async finish(): Promise<void> {
    await this.#data.finish(this.#stored, {});
    await this.#index.finish(this.#stored, {});
  }
}
