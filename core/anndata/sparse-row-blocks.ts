import {
  type AnnData,
  BLOCK_ROWS,
  type BlockValues,
  type DenseBlock,
  type MatrixInfo,
  type MatrixPath,
  type RowRange,
  type SparseBlock,
} from './types.js';

/** Values of a dense block that is held at once (32 MiB of float32). */
const MAX_DENSE_VALUES = 8 * 2 ** 20;

/**
 * Rows in which a matrix is read so that a dense block takes 32 MiB at most, whatever the number of genes: a divisor of
 * `blockRows`. Sparse matrices are read in `blockRows`.
 */
export function boundedBlockRows(
  matrix: Pick<MatrixInfo, 'encoding' | 'columns'> | null,
  blockRows = BLOCK_ROWS,
): number {
  if (matrix?.encoding !== 'dense') return blockRows;
  const most = Math.max(1, Math.floor(MAX_DENSE_VALUES / Math.max(1, matrix.columns)));
  let parts = Math.ceil(blockRows / most);
  while (blockRows % parts !== 0) parts++;
  return blockRows / parts;
}

/** Streams any matrix as CSR blocks of `blockRows` rows; a dense one loses its zeros, and only a part of a block is held dense. */
export async function* sparseRowBlocks(
  chunk: AnnData,
  path: MatrixPath,
  range: RowRange = {},
): AsyncGenerator<SparseBlock> {
  const blockRows = range.blockRows ?? BLOCK_ROWS;
  const partRows = boundedBlockRows(await chunk.matrix(path), blockRows);
  const gathered = new GatheredRows();
  for await (const part of chunk.rowBlocks(path, { ...range, blockRows: partRows })) {
    if (part.kind === 'sparse') {
      yield part;
      continue;
    }
    gathered.add(part);
    if (gathered.rows === blockRows) yield gathered.take();
  }
  if (gathered.rows > 0) yield gathered.take();
}

/** Collects dense rows as CSR, in buffers that are reused from block to block. */
class GatheredRows {
  rows = 0;
  #start = 0;
  #columns = 0;
  #stored = 0;
  #indptr: number[] = [0];
  #indices = new Int32Array(0);
  #values: BlockValues = new Float32Array(0);

  add({ start, rows, columns, values }: DenseBlock): void {
    if (this.rows === 0) this.#start = start;
    this.#columns = columns;
    this.#reserve(this.#stored + countNonZeros(values), values);
    const indices = this.#indices;
    const kept = this.#values;
    let next = this.#stored;
    for (let row = 0; row < rows; row++) {
      const from = row * columns;
      for (let column = 0; column < columns; column++) {
        const value = values[from + column]!;
        if (value === 0) continue;
        indices[next] = column;
        kept[next] = value;
        next++;
      }
      this.#indptr.push(next);
    }
    this.#stored = next;
    this.rows += rows;
  }

  /** The rows gathered so far; the next `add` begins anew. */
  take(): SparseBlock {
    const block: SparseBlock = {
      kind: 'sparse',
      start: this.#start,
      rows: this.rows,
      columns: this.#columns,
      indptr: Int32Array.from(this.#indptr),
      indices: this.#indices.subarray(0, this.#stored),
      values: this.#values.subarray(0, this.#stored),
    };
    this.rows = 0;
    this.#stored = 0;
    this.#indptr = [0];
    return block;
  }

  #reserve(length: number, like: BlockValues): void {
    if (this.#values.length >= length && this.#values.constructor === like.constructor) return;
    const capacity = Math.ceil(length * 1.5);
    const indices = new Int32Array(capacity);
    const values = new (like.constructor as new (length: number) => BlockValues)(capacity);
    indices.set(this.#indices.subarray(0, this.#stored));
    values.set(this.#values.subarray(0, this.#stored));
    this.#indices = indices;
    this.#values = values;
  }
}

function countNonZeros(values: BlockValues): number {
  let count = 0;
  for (let at = 0; at < values.length; at++) if (values[at] !== 0) count++;
  return count;
}
