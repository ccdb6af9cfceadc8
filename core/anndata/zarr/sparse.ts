import { invalidInput } from '../../errors.js';
import { blockRanges } from '../block-ranges.js';
import { type ColumnSource, columnsToRowBlocks } from '../csc.js';
import { checkIndptr, orderRows } from '../csr.js';
import type { BlockValues, MatrixInfo, RowRange, SparseBlock } from '../types.js';
import { NumberArray } from './array.js';
import { type GroupNode, readArrayNode } from './metadata.js';
import { newValues } from './numbers.js';
import { Vector } from './vector.js';

const REWRITE = 'Write the matrix again with scipy and anndata.';

/** Stored values that a CSC conversion reads at a time. */
const COLUMN_PART = 2 ** 20;

/** A csr_matrix or csc_matrix group. */
export class SparseMatrix {
  readonly info: MatrixInfo;
  readonly #group: GroupNode;
  readonly #where: string;

  constructor(group: GroupNode) {
    this.#group = group;
    this.#where = `${group.element} in ${group.root}`;
    const encoding = sparseEncoding(group);
    const [rows, columns] = sparseShape(group, this.#where);
    const data = this.#vector('data');
    this.info = { encoding, rows, columns, dtype: data.dtype.name, stored: data.length };
  }

  /** Rows as CSR blocks; their arrays are used again for the next block. */
  async *rowBlocks(range?: RowRange): AsyncGenerator<SparseBlock> {
    const blocks = blockRanges(this.info.rows, range);
    const indptr = await this.#indptr();
    if (this.info.encoding === 'csc') yield* columnsToRowBlocks(this.#columnSource(indptr), blocks, this.#where);
    else yield* this.#csrBlocks(indptr, blocks);
  }

  async *#csrBlocks(indptr: Float64Array, blocks: ReturnType<typeof blockRanges>): AsyncGenerator<SparseBlock> {
    const { columns } = this.info;
    const data = this.#vector('data');
    const index = this.#vector('indices');
    const capacity = blocks.reduce((most, { start, end }) => Math.max(most, indptr[end]! - indptr[start]!), 0);
    const allIndices = new Int32Array(capacity);
    const allValues = newValues(data.dtype.name, capacity);
    for (const { start, end } of blocks) {
      const first = indptr[start]!;
      const stored = indptr[end]! - first;
      const indices = allIndices.subarray(0, stored);
      const values = allValues.subarray(0, stored);
      await index.read(first, first + stored, indices);
      await data.read(first, first + stored, values);
      const local = Int32Array.from(indptr.subarray(start, end + 1), (offset) => offset - first);
      orderRows({ indptr: local, indices, values }, columns, start, this.#where);
      yield { kind: 'sparse', start, rows: end - start, columns, indptr: local, indices, values };
    }
  }

  #columnSource(indptr: Float64Array): ColumnSource {
    const { rows, columns } = this.info;
    const data = this.#vector('data');
    const index = this.#vector('indices');
    const indices = new Int32Array(COLUMN_PART);
    const values = newValues(data.dtype.name, COLUMN_PART);
    return {
      rows,
      columns,
      indptr,
      partSize: COLUMN_PART,
      newValues: (length) => newValues(data.dtype.name, length),
      indices: async (start, end) => {
        const part = indices.subarray(0, end - start);
        await index.read(start, end, part);
        return part;
      },
      values: async (start, end) => {
        const part: BlockValues = values.subarray(0, end - start);
        await data.read(start, end, part);
        return part;
      },
    };
  }

  /** Offsets, checked against the shape and the lengths of data and indices. */
  async #indptr(): Promise<Float64Array> {
    const { encoding, rows, columns, stored } = this.info;
    const lines = encoding === 'csr' ? rows : columns;
    const indices = this.#vector('indices');
    if (indices.length !== stored) {
      throw invalidInput(`${this.#where} has ${stored} values but ${indices.length} indices`, REWRITE);
    }
    const array = new NumberArray(
      readArrayNode(this.#group.root, this.#group.version, `${this.#group.element}/indptr`),
    );
    const indptr = Float64Array.from(await array.read());
    checkIndptr(indptr, lines, stored, this.#where);
    return indptr;
  }

  #vector(name: 'data' | 'indices'): Vector {
    const vector = new Vector(readArrayNode(this.#group.root, this.#group.version, `${this.#group.element}/${name}`));
    if (name === 'indices' && !/^u?int/.test(vector.dtype.name)) {
      throw invalidInput(`indices of ${this.#where} are ${vector.dtype.name}, expected integers`, REWRITE);
    }
    return vector;
  }
}

/** Old files say it in `h5sparse_format` and `h5sparse_shape`. */
export function isSparse(group: GroupNode): boolean {
  const { attributes } = group;
  return /^cs[rc]_matrix$/.test(String(attributes['encoding-type'])) || attributes.h5sparse_format !== undefined;
}

function sparseEncoding({ attributes }: GroupNode): 'csr' | 'csc' {
  const name = String(attributes['encoding-type'] ?? attributes.h5sparse_format);
  return name.startsWith('csc') ? 'csc' : 'csr';
}

function sparseShape({ attributes }: GroupNode, where: string): [number, number] {
  const shape = attributes.shape ?? attributes.h5sparse_shape;
  if (Array.isArray(shape) && shape.length === 2 && shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    return shape as [number, number];
  }
  throw invalidInput(
    `${where}: expected a shape of two sizes in its attributes, found ${JSON.stringify(shape)}`,
    REWRITE,
  );
}
