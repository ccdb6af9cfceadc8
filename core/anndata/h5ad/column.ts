import { invalidInput } from '../../errors.js';
import { categoryText } from '../category-text.js';
import type { Column } from '../types.js';
import { type ArrayElement, type Element, encodingType, type GroupElement } from './element.js';
import { numbersOf } from './values.js';

/** One column of a data frame, decoded whole. InvalidInput for what no column can be (matrices, records). */
export async function readColumn(element: Element): Promise<Column> {
  if (element.kind === 'strings') return { kind: 'strings', values: await element.read(0, element.shape[0] ?? 1) };
  if (element.kind === 'array') return readNumbers(element);
  if (element.kind === 'group') return readMasked(element);
  throw invalidInput(
    `${element.where} cannot be read as a column`,
    'Store it as numbers, booleans, strings or categories.',
  );
}

async function readNumbers(element: ArrayElement): Promise<Column> {
  if (element.shape.length !== 1) {
    throw invalidInput(
      `${element.where} has shape (${element.shape.join(', ')}) where a column needs one dimension`,
      'Keep matrices in obsm or varm.',
    );
  }
  const values = numbersOf(await element.read(0, element.shape[0]!), element.dtype, element.where);
  if (element.dtype === 'bool') return { kind: 'booleans', values: Array.from(values, (value) => value !== 0) };
  return { kind: 'numbers', values: Float64Array.from(values), dtype: element.dtype };
}

async function readMasked(group: GroupElement): Promise<Column> {
  if (encodingType(group) === 'categorical') return readCategories(group);
  if (!encodingType(group).startsWith('nullable-')) {
    throw invalidInput(
      `${group.where} has the encoding ${JSON.stringify(encodingType(group))}, which is not one of a column`,
      'Store it as numbers, booleans, strings or categories.',
    );
  }
  const values = await readColumn(part(group, 'values'));
  const mask = await readColumn(part(group, 'mask'));
  const missing = (row: number): boolean => mask.kind === 'booleans' && mask.values[row] === true;
  switch (values.kind) {
    case 'strings':
      return { kind: 'strings', values: values.values.map((value, row) => (missing(row) ? null : value)) };
    case 'booleans':
      return { kind: 'booleans', values: values.values.map((value, row) => (missing(row) ? null : value)) };
    case 'numbers':
      return { ...values, values: values.values.map((value, row) => (missing(row) ? Number.NaN : value)) };
    case 'categories':
      throw invalidInput(`${group.where} masks categories`, 'Store it as a categorical column.');
  }
}

async function readCategories(group: GroupElement): Promise<Column> {
  const categories = textOf(await readColumn(part(group, 'categories')));
  const codes = await readColumn(part(group, 'codes'));
  if (codes.kind !== 'numbers') throw invalidInput(`${group.where} has codes that are no integers`, DAMAGED);
  const wrong = codes.values.findIndex((code) => code < -1 || code >= categories.length);
  if (wrong >= 0) {
    throw invalidInput(
      `${group.where} has code ${codes.values[wrong]} in row ${wrong}, but ${categories.length} categories`,
      DAMAGED,
    );
  }
  const ordered = group.attributes.ordered === true;
  return { kind: 'categories', categories, codes: Int32Array.from(codes.values), ordered };
}

const DAMAGED = 'The file is damaged: write it anew with anndata.';

function part(group: GroupElement, name: string): Element {
  const element = group.get(name);
  if (element === null) throw invalidInput(`${group.where} lacks its ${name}`, DAMAGED);
  return element;
}

/** A column as text, as the index of a data frame is used; missing values are empty. */
export function textOf(column: Column): string[] {
  switch (column.kind) {
    case 'strings':
      return column.values.map((value) => value ?? '');
    case 'categories':
      return Array.from(column.codes, (code) => column.categories[code] ?? '');
    case 'numbers':
      return Array.from(column.values, (value) => categoryText(value, column.dtype ?? 'float64'));
    case 'booleans':
      return column.values.map((value) => (value === null ? '' : categoryText(Number(value), 'bool')));
  }
}
