import { invalidInput } from '../../errors.js';
import { type BlockRange, blockRanges } from '../block-ranges.js';
import type { BlockValues, DenseBlock, MatrixInfo, RowRange } from '../types.js';
import { NumberArray } from './array.js';
import type { ArrayNode } from './metadata.js';
import { newValues } from './numbers.js';

/** Memory for one row of chunks, kept so that blocks which cut through it do not decode it twice; one chunk is kept anyway. */
const KEPT_BYTES = 2 ** 27;

/** A dense matrix in a grid of chunks. */
export class DenseMatrix {
  readonly info: MatrixInfo;
  readonly #array: NumberArray;
  readonly #chunkRows: number;
  readonly #keeps: boolean;
  #kept: { readonly start: number; readonly values: BlockValues } | null = null;

  constructor(node: ArrayNode) {
    const [rows, columns] = node.shape;
    if (rows === undefined || columns === undefined || node.shape.length !== 2) {
      throw invalidInput(
        `expected a matrix at ${node.element} in ${node.root}, found an array of shape [${node.shape}]`,
        'Write it with one row per cell and one column per gene.',
      );
    }
    this.#array = new NumberArray(node);
    const [chunkRows, chunkColumns] = node.chunks as [number, number];
    this.#chunkRows = chunkRows;
    this.#keeps = chunkColumns >= columns || chunkRows * columns * this.#array.dtype.bytes <= KEPT_BYTES;
    this.info = { encoding: 'dense', rows, columns, dtype: this.#array.dtype.name, stored: rows * columns };
  }

  /** Row-major blocks; their array is used again for the next block. */
  async *rowBlocks(range?: RowRange): AsyncGenerator<DenseBlock> {
    const { rows, columns } = this.info;
    const blocks = blockRanges(rows, range);
    const most = blocks.reduce((most, { start, end }) => Math.max(most, end - start), 0);
    const buffer = newValues(this.#array.dtype.name, most * columns);
    for (const block of blocks) {
      const values = buffer.subarray(0, (block.end - block.start) * columns);
      await this.#read(block, values);
      yield { kind: 'dense', start: block.start, rows: block.end - block.start, columns, values };
    }
  }

  async #read({ start, end }: BlockRange, target: BlockValues): Promise<void> {
    const { rows, columns } = this.info;
    const chunkRows = this.#chunkRows;
    for (let first = Math.floor(start / chunkRows) * chunkRows; first < end; first += chunkRows) {
      const from = Math.max(start, first);
      const to = Math.min(end, first + chunkRows);
      const part = target.subarray((from - start) * columns, (to - start) * columns);
      const last = Math.min(rows, first + chunkRows);
      if (!this.#keeps || (from === first && to === last)) {
        await this.#array.read(from, to, part);
      } else {
        const kept = await this.#keep(first, last);
        part.set(kept.subarray((from - first) * columns, (to - first) * columns));
      }
    }
  }

  async #keep(start: number, end: number): Promise<BlockValues> {
    if (this.#kept?.start !== start) this.#kept = { start, values: await this.#array.read(start, end) };
    return this.#kept.values;
  }
}
