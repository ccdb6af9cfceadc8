import type { AnnData, Column } from '../anndata/types.js';
import { invalidInput, type ObsmithError } from '../errors.js';
import type { CellBatches } from './gene-statistics.js';

/**
 * Batches of a chunk's cells by an obs column: its distinct values as text in code-point order; missing values belong
 * to no batch. Without a batch key all cells are one batch. InvalidInput where the column is absent.
 */
export async function readCellBatches(chunk: AnnData, batchKey: string | null): Promise<CellBatches> {
  if (batchKey === null) return { names: [''], codes: null, cells: Float64Array.of(chunk.cells) };
  return cellBatches(labels(await chunk.column('obs', batchKey)));
}

export function cellBatches(labels: readonly (string | null)[]): CellBatches {
  const names = [...new Set(labels.filter((label) => label !== null))].sort();
  const positions = new Map(names.map((name, position) => [name, position]));
  const codes = Int32Array.from(labels, (label) => (label === null ? -1 : positions.get(label)!));
  const cells = new Float64Array(names.length);
  for (const code of codes) if (code >= 0) cells[code]!++;
  return { names, codes, cells };
}

/** Refusal where a batch key divides nothing. `subject` names the chunk or chunks. */
export function noBatches(subject: string, batchKey: string): ObsmithError {
  return invalidInput(
    `${subject}: no cell has a value in obs/${batchKey}`,
    'Fill the column, or set batch_key to null.',
  );
}

function labels(column: Column): (string | null)[] {
  switch (column.kind) {
    case 'strings':
      return column.values;
    case 'categories':
      return Array.from(column.codes, (code) => column.categories[code] ?? null);
    case 'numbers':
      return Array.from(column.values, (value) => (Number.isNaN(value) ? null : String(value)));
    case 'booleans':
      return column.values.map((value) => (value === null ? null : value ? 'True' : 'False'));
  }
}
