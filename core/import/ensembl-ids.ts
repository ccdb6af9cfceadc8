import { ENSEMBL_ID } from '../methods/gene-identity.js';
import { loadSymbolTable } from '../methods/symbol-table.js';
import type { ChunkColumn } from './columns.js';
import type { EnsemblSource, FileReport } from './types.js';

/** Where ids are looked for, in order; `gene_ids` is what scanpy calls them in 10x data. */
const ID_COLUMNS = ['ensembl_id', 'gene_ids'] as const;

export interface EnsemblIds {
  /** Per gene its id without version, or null. */
  readonly ids: readonly (string | null)[];
  readonly report: FileReport['ensembl'];
}

/**
 * Values for var.ensembl_id: from var.ensembl_id, the index or var.gene_ids, whichever has most Ensembl ids (the first
 * of them where equal), versions stripped. Only where none has any are names taken as human gene symbols and looked up
 * in the bundled table. Genes that share an id all keep it.
 */
export async function findEnsemblIds(
  names: readonly string[],
  columns: ReadonlyMap<string, ChunkColumn>,
): Promise<EnsemblIds> {
  const sources: { source: EnsemblSource; ids: (string | null)[] }[] = [{ source: 'index', ids: names.map(ensemblId) }];
  for (const name of ID_COLUMNS) {
    const column = columns.get(name);
    if (column) sources.push({ source: name, ids: textOf(column).map(ensemblId) });
  }
  sources.sort((a, b) => rank(a.source) - rank(b.source));
  const best = sources.reduce((a, b) => (countMapped(b.ids) > countMapped(a.ids) ? b : a));
  if (countMapped(best.ids) > 0) return describe(best.source, best.ids);
  const table = await loadSymbolTable();
  const ids = names.map((name) => table.get(name) ?? null);
  return describe(countMapped(ids) > 0 ? 'symbols' : 'none', ids);
}

const rank = (source: EnsemblSource): number => ['ensembl_id', 'index', 'gene_ids'].indexOf(source);

function ensemblId(text: string | null): string | null {
  if (text === null || !ENSEMBL_ID.test(text)) return null;
  return text.split('.', 1)[0]!;
}

function textOf(column: ChunkColumn): (string | null)[] {
  if (column.kind === 'strings') return column.values;
  if (column.kind !== 'categories') return [];
  return Array.from(column.codes, (code) => column.categories[code] ?? null);
}

const countMapped = (ids: readonly (string | null)[]): number => ids.reduce((sum, id) => sum + Number(id !== null), 0);

function describe(source: EnsemblSource, ids: readonly (string | null)[]): EnsemblIds {
  const mapped = countMapped(ids);
  const distinct = new Set(ids.filter((id) => id !== null)).size;
  return { ids, report: { source, mapped, missing: ids.length - mapped, duplicated: mapped - distinct } };
}
