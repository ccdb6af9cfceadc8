import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BLOCK_ROWS, type SparseBlock } from '../anndata/types.js';
import { fromSystemError } from '../errors.js';
import { withSortedRows } from './sorted-rows.js';

/** A block's entries are buffered up to this many bytes before they go to its file. */
const BUFFER_BYTES = 32 * 1024;
const RECORD_BYTES = 16;
const MAX_BLOCKS = 1024;

/**
 * Entries (cell, feature, value) in any order -> row blocks in order, through one temporary file per block. Peak memory
 * is one block of cells plus at most 32 MiB of buffers.
 */
export class EntrySpool {
  readonly #folder: string;
  readonly #path: string;
  readonly #cells: number;
  readonly #features: number;
  readonly #blockRows: number;
  readonly #buffers = new Map<number, RecordBuffer>();
  readonly #written = new Set<number>();
  #full: number[] = [];

  /** `folder` takes the temporary files, `path` is what messages name. */
  constructor(folder: string, path: string, shape: { readonly cells: number; readonly features: number }) {
    this.#folder = folder;
    this.#path = path;
    this.#cells = shape.cells;
    this.#features = shape.features;
    this.#blockRows = Math.max(BLOCK_ROWS, Math.ceil(shape.cells / MAX_BLOCKS));
  }

  add(cell: number, feature: number, value: number): void {
    const block = Math.floor(cell / this.#blockRows);
    let buffer = this.#buffers.get(block);
    if (!buffer) {
      buffer = new RecordBuffer();
      this.#buffers.set(block, buffer);
    }
    if (buffer.add(cell - block * this.#blockRows, feature, value)) this.#full.push(block);
  }

  /** Writes buffers that are full, or all of them. */
  async flush(all = false): Promise<void> {
    const blocks = all ? [...this.#buffers.keys()] : this.#full;
    this.#full = [];
    try {
      await mkdir(this.#folder, { recursive: true });
      for (const block of blocks) {
        await appendFile(this.#file(block), this.#buffers.get(block)!.take());
        this.#written.add(block);
      }
    } catch (error) {
      throw fromSystemError(error, this.#folder);
    }
  }

  async *rowBlocks(): AsyncIterable<SparseBlock> {
    for (let start = 0, block = 0; start < this.#cells; start += this.#blockRows, block += 1) {
      const rows = Math.min(this.#blockRows, this.#cells - start);
      yield withSortedRows(await this.#read(block, start, rows), this.#path);
    }
  }

  /** Counting sort of a block's entries by cell; the order of entries within a cell stays. */
  async #read(block: number, start: number, rows: number): Promise<SparseBlock> {
    const bytes = this.#written.has(block) ? await readFile(this.#file(block)) : Buffer.alloc(0);
    const aligned = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    const integers = new Int32Array(aligned);
    const numbers = new Float64Array(aligned);
    const count = bytes.length / RECORD_BYTES;
    const indptr = new Int32Array(rows + 1);
    for (let entry = 0; entry < count; entry += 1) indptr[integers[4 * entry]! + 1]! += 1;
    for (let row = 0; row < rows; row += 1) indptr[row + 1]! += indptr[row]!;
    const next = indptr.slice();
    const indices = new Int32Array(count);
    const values = new Float64Array(count);
    for (let entry = 0; entry < count; entry += 1) {
      const row = integers[4 * entry]!;
      const at = next[row]!;
      next[row] = at + 1;
      indices[at] = integers[4 * entry + 1]!;
      values[at] = numbers[2 * entry + 1]!;
    }
    return { kind: 'sparse', start, rows, columns: this.#features, indptr, indices, values };
  }

  #file(block: number): string {
    return join(this.#folder, `${block}.entries`);
  }
}

/** Growing buffer of 16-byte records: cell within the block (int32), feature (int32), value (float64). */
class RecordBuffer {
  #bytes = new ArrayBuffer(BUFFER_BYTES);
  #integers = new Int32Array(this.#bytes);
  #numbers = new Float64Array(this.#bytes);
  #count = 0;

  /** True when this record has just filled the buffer's nominal size. */
  add(cell: number, feature: number, value: number): boolean {
    if (this.#count * RECORD_BYTES === this.#bytes.byteLength) this.#grow();
    this.#integers[4 * this.#count] = cell;
    this.#integers[4 * this.#count + 1] = feature;
    this.#numbers[2 * this.#count + 1] = value;
    this.#count += 1;
    return this.#count * RECORD_BYTES === BUFFER_BYTES;
  }

  take(): Uint8Array {
    const bytes = new Uint8Array(this.#bytes.slice(0, this.#count * RECORD_BYTES));
    this.#count = 0;
    return bytes;
  }

  #grow(): void {
    const larger = new ArrayBuffer(this.#bytes.byteLength * 2);
    new Uint8Array(larger).set(new Uint8Array(this.#bytes));
    this.#bytes = larger;
    this.#integers = new Int32Array(larger);
    this.#numbers = new Float64Array(larger);
  }
}
