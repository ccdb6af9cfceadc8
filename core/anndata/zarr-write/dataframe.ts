import { join } from 'node:path';
import type { Column } from '../types.js';
import { isNumericDtype, writeGroupMetadata } from './metadata.js';
import { encodeNumbers } from './numbers.js';
import { writeStrings } from './strings.js';
import { ARRAY_ENCODING, writeVector } from './vector-writer.js';

/** A column that writes its own node into a folder. */
export interface WrittenColumn {
  readonly kind: 'written';
  write(folder: string): Promise<void>;
}

/** Writes a new zarr v2 `dataframe` group as anndata does: the index under `_index`, one node per column. */
export async function writeDataframe(
  folder: string,
  index: readonly string[],
  columns: ReadonlyMap<string, Column | WrittenColumn>,
): Promise<void> {
  await writeStrings(join(folder, '_index'), index);
  for (const [name, column] of columns) await writeColumn(join(folder, name), column);
  await writeGroupMetadata('zarr-v2', folder, {
    'encoding-type': 'dataframe',
    'encoding-version': '0.2.0',
    _index: '_index',
    'column-order': [...columns.keys()],
  });
}

async function writeColumn(folder: string, column: Column | WrittenColumn): Promise<void> {
  if (column.kind === 'written') return column.write(folder);
  if (column.kind === 'numbers') {
    const dtype = isNumericDtype(column.dtype) ? column.dtype : 'float64';
    return writeVector(folder, dtype, encodeNumbers(column.values, dtype));
  }
  if (column.kind === 'categories') return writeCategories(folder, column);
  if (column.kind === 'booleans') return writeBooleans(folder, column.values);
  if (column.values.every((value) => value !== null)) return writeStrings(folder, column.values as string[]);
  return writeCategories(folder, categoriesOf(column.values));
}

/** With missing values: anndata's nullable-boolean, values and mask. */
async function writeBooleans(folder: string, values: readonly (boolean | null)[]): Promise<void> {
  const bytes = Uint8Array.from(values, (value) => Number(value === true));
  if (values.every((value) => value !== null)) return writeVector(folder, 'bool', bytes);
  await writeVector(join(folder, 'values'), 'bool', bytes);
  await writeVector(
    join(folder, 'mask'),
    'bool',
    Uint8Array.from(values, (value) => Number(value === null)),
  );
  await writeGroupMetadata('zarr-v2', folder, { 'encoding-type': 'nullable-boolean', 'encoding-version': '0.1.0' });
}

async function writeCategories(folder: string, column: Extract<Column, { kind: 'categories' }>): Promise<void> {
  const count = column.categories.length;
  const dtype = count < 128 ? 'int8' : count < 32_768 ? 'int16' : 'int32';
  await writeStrings(join(folder, 'categories'), column.categories);
  await writeVector(join(folder, 'codes'), dtype, encodeNumbers(column.codes, dtype), ARRAY_ENCODING);
  await writeGroupMetadata('zarr-v2', folder, {
    'encoding-type': 'categorical',
    'encoding-version': '0.2.0',
    ordered: column.ordered ?? false,
  });
}

/** Strings as categories in code-point order, null as missing: anndata's string arrays have no missing values. */
function categoriesOf(values: readonly (string | null)[]): Extract<Column, { kind: 'categories' }> {
  const categories = [...new Set(values.filter((value) => value !== null))].sort((a, b) => (a < b ? -1 : 1));
  const codeOf = new Map(categories.map((category, code) => [category, code]));
  const codes = Int32Array.from(values, (value) => (value === null ? -1 : codeOf.get(value)!));
  return { kind: 'categories', categories, codes };
}
