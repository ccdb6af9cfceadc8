import { join } from 'node:path';
import type { Column } from '../types.js';
import { type NumericDtype, writeGroupMetadata } from './metadata.js';
import { writeStrings } from './strings.js';
import { ARRAY_ENCODING, writeVector } from './vector-writer.js';

const NUMBER_ARRAYS = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/** Writes a new zarr v2 `dataframe` group as anndata does: the index under `_index`, one node per column. */
export async function writeDataframe(
  folder: string,
  index: readonly string[],
  columns: ReadonlyMap<string, Column>,
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

async function writeColumn(folder: string, column: Column): Promise<void> {
  if (column.kind === 'numbers') return writeNumbers(folder, column.values, column.dtype ?? 'float64');
  if (column.kind === 'categories') return writeCategories(folder, column);
  if (column.kind === 'booleans') return writeBooleans(folder, column.values);
  if (column.values.every((value) => value !== null)) return writeStrings(folder, column.values as string[]);
  return writeCategories(folder, categoriesOf(column.values));
}

async function writeNumbers(folder: string, values: Float64Array, dtype: string): Promise<void> {
  if (dtype === 'int64') return writeVector(folder, dtype, BigInt64Array.from(values, BigInt));
  if (dtype === 'uint64') return writeVector(folder, dtype, BigUint64Array.from(values, BigInt));
  const known = dtype in NUMBER_ARRAYS ? (dtype as keyof typeof NUMBER_ARRAYS) : 'float64';
  await writeVector(folder, known, NUMBER_ARRAYS[known].from(values));
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
  const dtype: NumericDtype & keyof typeof NUMBER_ARRAYS = count < 128 ? 'int8' : count < 32_768 ? 'int16' : 'int32';
  await writeStrings(join(folder, 'categories'), column.categories);
  await writeVector(join(folder, 'codes'), dtype, NUMBER_ARRAYS[dtype].from(column.codes), ARRAY_ENCODING);
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
