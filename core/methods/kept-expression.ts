import { type FileHandle, open, rm } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { sliceRows } from '../anndata/slice-rows.js';
import type { Float32Block } from '../anndata/types.js';
import { createStagedFile, type StagedFile } from '../anndata/zarr-write/staged-file.js';
import { readFully } from '../anndata/zarr-write/transfer.js';
import type { ChunkScan } from '../dataset/types.js';
import { fromSystemError, ObsmithError } from '../errors.js';
import type { ExpressionBlock } from './expression.js';

/**
 * Expression of some genes of a chunk, kept from one pass over its rows for a later one, which then needs not decode all of
 * them: 8 bytes "OBSMROW1"; where the index begins and its crc32 (float64); the row blocks, each as its offsets (int32),
 * values (float32) and positions among the kept columns (uint16); the index as JSON. Nobody depends on the file: it is not
 * made durable, so all of it is checked, and one that is absent, cut short, or about other content is no file.
 */
const MAGIC = 'OBSMROW1';
const HEAD_BYTES = 24;
const MOST_COLUMNS = 1 << 16;
/** Where more of the values would be kept, reading them again is no slower. */
const MOST_KEPT = 0.25;

interface KeptBlock {
  readonly start: number;
  readonly rows: number;
  readonly stored: number;
  /** Where it begins in the file. */
  readonly position: number;
  readonly crc32: number;
}

interface Index extends Content {
  /** Columns of the matrix, and which of them are kept, rising. */
  readonly width: number;
  readonly columns: readonly number[];
  readonly blocks: readonly KeptBlock[];
}

/** What tells that expression is that of the chunk as it is now. */
type Content = Pick<ChunkScan, 'fingerprint' | 'expression'>;

const contentOf = ({ fingerprint, expression }: Content): Content => ({ fingerprint, expression });

const bytesOfBlock = ({ rows, stored }: Pick<KeptBlock, 'rows' | 'stored'>): number => (rows + 1) * 4 + stored * 6;

/** Writes kept expression; it appears when it is finished, if it is worth it. */
export class ExpressionKeeper {
  readonly #file: StagedFile;
  readonly #content: Content;
  /** Position of each column among those that are kept. */
  readonly #places: Int32Array;
  readonly #blocks: KeptBlock[] = [];
  #buffer = new ArrayBuffer(0);
  #position = HEAD_BYTES;
  #stored = 0;
  #kept = 0;

  private constructor(file: StagedFile, content: Content, places: Int32Array) {
    this.#file = file;
    this.#content = content;
    this.#places = places;
  }

  /** `positions` is negative for columns that are not kept. Null where there are too many columns to keep. */
  static async create(path: string, scan: Content, positions: Int32Array): Promise<ExpressionKeeper | null> {
    let next = 0;
    const places = positions.map((position) => (position < 0 ? -1 : next++));
    if (next > MOST_COLUMNS) return null;
    const file = await createStagedFile(path, Buffer.alloc(HEAD_BYTES));
    return new ExpressionKeeper(file, contentOf(scan), places);
  }

  /** Adds rows that have nothing but kept columns; `stored` values had these rows in all. */
  async add({ start, rows, indptr, indices, values }: Float32Block, stored: number): Promise<void> {
    this.#stored += stored;
    this.#kept += values.length;
    if (!this.#isWorthIt()) return;
    const length = bytesOfBlock({ rows, stored: values.length });
    if (this.#buffer.byteLength < length) this.#buffer = new ArrayBuffer(Math.ceil(length * 1.25));
    const bytes = new Uint8Array(this.#buffer, 0, length);
    const offsetsEnd = (rows + 1) * 4;
    new Int32Array(this.#buffer, 0, rows + 1).set(indptr);
    new Float32Array(this.#buffer, offsetsEnd, values.length).set(values);
    const [columns, places] = [
      new Uint16Array(this.#buffer, offsetsEnd + values.length * 4, values.length),
      this.#places,
    ];
    for (let at = 0; at < values.length; at++) columns[at] = places[indices[at]!]!;
    const block = { start, rows, stored: values.length, position: this.#position, crc32: crc32(bytes) };
    await this.#file.write(bytes, block.position);
    this.#blocks.push(block);
    this.#position += length;
  }

  async finish(): Promise<void> {
    if (!this.#isWorthIt()) return;
    const columns = Array.from(this.#places.keys()).filter((column) => this.#places[column]! >= 0);
    const index: Index = { ...this.#content, width: this.#places.length, columns, blocks: this.#blocks };
    const json = Buffer.from(JSON.stringify(index));
    const head = Buffer.alloc(HEAD_BYTES);
    head.write(MAGIC, 0, 'latin1');
    head.writeDoubleLE(this.#position, 8);
    head.writeDoubleLE(crc32(json), 16);
    await this.#file.write(json, this.#position);
    await this.#file.write(head, 0);
    await this.#file.commit({ durable: false });
  }

  /** Removes what was written unless it was finished. */
  abandon(): Promise<void> {
    return this.#file.abandon();
  }

  #isWorthIt(): boolean {
    return this.#kept <= MOST_KEPT * this.#stored;
  }
}

/** Kept expression of a chunk as it is now, or null. */
export async function openKeptExpression(path: string, scan: Content): Promise<KeptExpression | null> {
  let file: FileHandle | null = null;
  try {
    file = await open(path, 'r');
    const index = await readIndex(file);
    const { fingerprint, expression } = contentOf(scan);
    if (index?.fingerprint === fingerprint && index.expression === expression)
      return new KeptExpression(path, file, index);
    await file.close();
    return null;
  } catch (error) {
    await file?.close();
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw fromSystemError(error, path);
  }
}

async function readIndex(file: FileHandle): Promise<Index | null> {
  const head = Buffer.alloc(HEAD_BYTES);
  if (!(await readFully(file, head, 0)) || head.toString('latin1', 0, 8) !== MAGIC) return null;
  const start = head.readDoubleLE(8);
  const json = Buffer.alloc(Math.max(0, (await file.stat()).size - start));
  if (!(await readFully(file, json, start)) || crc32(json) !== head.readDoubleLE(16)) return null;
  return JSON.parse(json.toString('utf8')) as Index;
}

export class KeptExpression {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #index: Index;
  readonly #columns: Int32Array;
  readonly #isKept: Uint8Array;

  constructor(path: string, file: FileHandle, index: Index) {
    this.#path = path;
    this.#file = file;
    this.#index = index;
    this.#columns = Int32Array.from(index.columns);
    this.#isKept = new Uint8Array(index.width);
    for (const column of index.columns) this.#isKept[column] = 1;
  }

  /** True where all columns that are not negative in `positions` are kept. */
  covers(positions: Int32Array): boolean {
    return positions.every((position, column) => position < 0 || this.#isKept[column] === 1);
  }

  /** Rows [start, end) with their kept columns, as expressionBlocks gives them. StoreUnavailable where the file is damaged, once. */
  async *blocks({ start, end }: { start: number; end: number }): AsyncGenerator<ExpressionBlock> {
    const buffers: Buffers = { bytes: new ArrayBuffer(0), indices: new Int32Array(0) };
    for (const block of this.#index.blocks) {
      const [from, to] = [Math.max(start, block.start), Math.min(end, block.start + block.rows)];
      if (from >= to) continue;
      const rows = await this.#read(block, buffers);
      yield sliceRows(rows, from - block.start, to - block.start) as ExpressionBlock;
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #read(block: KeptBlock, buffers: Buffers): Promise<ExpressionBlock> {
    const { start, rows, stored } = block;
    const length = bytesOfBlock(block);
    if (buffers.bytes.byteLength < length) buffers.bytes = new ArrayBuffer(Math.ceil(length * 1.25));
    if (buffers.indices.length < stored) buffers.indices = new Int32Array(Math.ceil(stored * 1.25));
    const bytes = new Uint8Array(buffers.bytes, 0, length);
    if (!(await readFully(this.#file, bytes, block.position)) || crc32(bytes) !== block.crc32) await this.#refuse();
    const offsetsEnd = (rows + 1) * 4;
    const places = new Uint16Array(buffers.bytes, offsetsEnd + stored * 4, stored);
    const indices = buffers.indices.subarray(0, stored);
    for (let at = 0; at < stored; at++) indices[at] = this.#columns[places[at]!]!;
    return {
      ...{ kind: 'sparse', start, rows, columns: this.#index.width, indices },
      indptr: new Int32Array(buffers.bytes, 0, rows + 1),
      values: new Float32Array(buffers.bytes, offsetsEnd, stored),
    };
  }

  async #refuse(): Promise<never> {
    await rm(this.#path, { force: true });
    throw new ObsmithError({
      type: 'StoreUnavailable',
      message: `${this.#path} is damaged; it was removed`,
      remedy: 'Nothing is to be done: the next attempt reads the chunk instead.',
    });
  }
}

interface Buffers {
  bytes: ArrayBuffer;
  indices: Int32Array;
}
