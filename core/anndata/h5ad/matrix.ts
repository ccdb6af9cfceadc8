import { invalidInput } from '../../errors.js';
import { blockRanges } from '../block-ranges.js';
import { type ColumnSource, columnsToRowBlocks } from '../csc.js';
import { checkIndptr, orderRows } from '../csr.js';
import type { DenseBlock, MatrixInfo, RowBlock, RowRange, SparseBlock } from '../types.js';
import { newValues } from '../zarr/numbers.js';
import { type ArrayElement, type Element, encodingType, type GroupElement } from './element.js';
import { numbersOf } from './values.js';

/** The three arrays of a sparse matrix: `indptr` delimits rows of a CSR and columns of a CSC matrix. */
interface SparseParts {
  readonly where: string;
  readonly rows: number;
  readonly columns: number;
  readonly data: ArrayElement;
  readonly indices: ArrayElement;
  readonly indptr: ArrayElement;
}

const DAMAGED = 'The file is damaged: write it anew with anndata.';

/** Shape and encoding of a matrix element. */
export function matrixInfo(element: Element): MatrixInfo {
  if (element.kind === 'array' && element.shape.length === 2) {
    const [rows, columns] = element.shape as [number, number];
    return { encoding: 'dense', rows, columns, dtype: element.dtype, stored: rows * columns };
  }
  const type = encodingType(element);
  if (element.kind === 'group' && (type === 'csr_matrix' || type === 'csc_matrix')) {
    const { rows, columns, data } = sparseParts(element);
    const encoding = type === 'csr_matrix' ? 'csr' : 'csc';
    return { encoding, rows, columns, dtype: data.dtype, stored: data.shape[0]! };
  }
  throw invalidInput(
    `${element.where} is neither a dense matrix nor csr_matrix or csc_matrix (encoding ${JSON.stringify(type)})`,
    'Store the matrix as a numpy array or a scipy CSR or CSC matrix.',
  );
}

/** Streams rows in order. */
export function matrixBlocks(element: Element, range?: RowRange): AsyncIterable<RowBlock> {
  const { encoding } = matrixInfo(element);
  if (element.kind === 'array') return denseBlocks(element, range);
  const parts = sparseParts(element as GroupElement);
  return encoding === 'csr' ? csrBlocks(parts, range) : cscBlocks(parts, range);
}

function sparseParts(group: GroupElement): SparseParts {
  const shape = group.attributes.shape;
  if (!Array.isArray(shape) || shape.length !== 2) {
    throw invalidInput(`${group.where} is a sparse matrix without a shape of two numbers`, DAMAGED);
  }
  const [rows, columns] = shape.map(Number) as [number, number];
  const parts = { data: vector(group, 'data'), indices: vector(group, 'indices'), indptr: vector(group, 'indptr') };
  const stored = parts.data.shape[0]!;
  if (parts.indices.shape[0] !== stored) {
    throw invalidInput(`${group.where} has ${stored} values but ${parts.indices.shape[0]} indices`, DAMAGED);
  }
  return { where: group.where, rows, columns, ...parts };
}

function vector(group: GroupElement, name: string): ArrayElement {
  const element = group.get(name);
  if (element?.kind === 'array' && element.shape.length === 1) return element;
  throw invalidInput(`${group.where} is a sparse matrix without the array ${name}`, DAMAGED);
}

async function* denseBlocks(element: ArrayElement, range?: RowRange): AsyncGenerator<DenseBlock> {
  const [rows, columns] = element.shape as [number, number];
  for (const { start, end } of blockRanges(rows, range)) {
    const values = numbersOf(await element.read(start, end), element.dtype, element.where);
    yield { kind: 'dense', start, rows: end - start, columns, values };
  }
}

async function* csrBlocks(parts: SparseParts, range?: RowRange): AsyncGenerator<SparseBlock> {
  const { rows, columns, where } = parts;
  const offsets = await readIndptr(parts, rows);
  for (const { start, end } of blockRanges(rows, range)) {
    const first = offsets[start]!;
    const indptr = Int32Array.from(offsets.subarray(start, end + 1), (offset) => offset - first);
    const indices = await readIndices(parts, first, offsets[end]!);
    const values = await readValues(parts, first, offsets[end]!);
    orderRows({ indptr, indices, values }, columns, start, where);
    yield { kind: 'sparse', start, rows: end - start, columns, indptr, indices, values };
  }
}

async function* cscBlocks(parts: SparseParts, range?: RowRange): AsyncGenerator<SparseBlock> {
  const { rows, columns, data, where } = parts;
  const source: ColumnSource = {
    rows,
    columns,
    indptr: await readIndptr(parts, columns),
    partSize: data.rowsPerRead,
    newValues: (length) => newValues(data.dtype, length),
    indices: (start, end) => readIndices(parts, start, end),
    values: (start, end) => readValues(parts, start, end),
  };
  yield* columnsToRowBlocks(source, blockRanges(rows, range), where);
}

async function readIndptr({ indptr, data, where }: SparseParts, lines: number): Promise<Float64Array> {
  const offsets = numbersOf(await indptr.read(0, indptr.shape[0]!), indptr.dtype, indptr.where);
  const exact = Float64Array.from(offsets);
  checkIndptr(exact, lines, data.shape[0]!, where);
  return exact;
}

async function readIndices({ indices }: SparseParts, start: number, end: number): Promise<Int32Array> {
  const numbers = numbersOf(await indices.read(start, end), indices.dtype, indices.where);
  return numbers instanceof Int32Array ? numbers : Int32Array.from(numbers);
}

async function readValues({ data }: SparseParts, start: number, end: number) {
  return numbersOf(await data.read(start, end), data.dtype, data.where);
}
