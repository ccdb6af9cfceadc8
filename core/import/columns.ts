import type { Element } from '../anndata/h5ad/element.js';
import { writePart } from '../anndata/parts/write-part.js';
import type { Column } from '../anndata/types.js';
import type { WrittenColumn } from '../anndata/zarr-write/dataframe.js';

/** A column of an input: decoded, or as it is stored (numbers, and what may be missing in them, keep every bit). */
export type SourceColumn = Column | { readonly kind: 'stored'; readonly element: Element; readonly rows: number };

/** What a chunk gets of it. */
export type ChunkColumn = Column | WrittenColumn;

/** The rows of a column in the given order; categories that no row has are dropped, as AnnData does on subsetting. */
export function takeRows(column: SourceColumn, rows: Int32Array): ChunkColumn {
  if (column.kind === 'stored') {
    const part = { rows: { of: column.rows, positions: rows }, columns: null };
    return { kind: 'written', write: (folder) => writePart(column.element, folder, part, () => {}) };
  }
  const take = <T>(values: ArrayLike<T>): T[] => Array.from(rows, (row) => values[row]!);
  if (column.kind === 'numbers') return { ...column, values: Float64Array.from(rows, (row) => column.values[row]!) };
  if (column.kind === 'strings') return { kind: 'strings', values: take(column.values) };
  if (column.kind === 'booleans') return { kind: 'booleans', values: take(column.values) };
  return withUsedCategories({ ...column, codes: Int32Array.from(rows, (row) => column.codes[row]!) });
}

type Categories = Extract<Column, { kind: 'categories' }>;

function withUsedCategories(column: Categories): Categories {
  const used = new Set(column.codes);
  const kept = column.categories.map((_, code) => code).filter((code) => used.has(code));
  if (kept.length === column.categories.length) return column;
  const renumbered = new Map(kept.map((code, position) => [code, position]));
  return {
    ...column,
    categories: kept.map((code) => column.categories[code]!),
    codes: column.codes.map((code) => renumbered.get(code) ?? -1),
  };
}
