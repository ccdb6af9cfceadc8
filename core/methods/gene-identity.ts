import type { AnnData } from '../anndata/types.js';
import { invalidInput } from '../errors.js';
import { loadSymbolTable } from './symbol-table.js';
import type { ChunkSummary, Json } from './types.js';

/** An Ensembl stable id of any species; "ENSA" and other symbols that begin alike are none. */
export const ENSEMBL_ID = /^ENS[A-Z]*\d{6,}/;
const ENSEMBL_COLUMN = 'ensembl_id';
/** The element that holds Ensembl ids beside the var index. */
export const ENSEMBL_ELEMENT = `var/${ENSEMBL_COLUMN}`;

/** Which genes the var columns of a chunk are. */
export interface GeneIdentity {
  /** Per var column its Ensembl id without version, or null where it has none or another column has it already. */
  readonly ids: readonly (string | null)[];
  /** Ids that several columns have. */
  readonly duplicated: ReadonlySet<string>;
  readonly report: GeneIdentityReport;
}

/** Counts of var columns: mapped + missing + dropped + duplicates = all. */
export type GeneIdentityReport = {
  /** Where ids come from: the var index, var.ensembl_id, or gene symbols in the var index. */
  readonly source: 'index' | 'ensembl_id' | 'symbols';
  readonly mapped: number;
  /** Empty ids, or symbols that the bundled table does not know. */
  readonly missing: number;
  /** Values that are no Ensembl ids, e.g. ERCC spike-ins. */
  readonly dropped: number;
  readonly duplicates: number;
  readonly versionsStripped: number;
} & { readonly [key: string]: Json };

/** What a method that identifies genes lists in `reads`. */
export function geneIdentityElements(chunk: ChunkSummary): string[] {
  return chunk.varColumns.includes(ENSEMBL_COLUMN) ? ['var/_index', ENSEMBL_ELEMENT] : ['var/_index'];
}

/** The var column that says which genes the columns are. */
export interface GeneIds {
  readonly source: GeneIdentityReport['source'];
  /** Per var column what stands there (ids with their versions, spike-ins, null); symbols are looked up already. */
  readonly values: readonly (string | null)[];
}

/**
 * Identifies genes by the rule of mengerj/adata_hf_datasets (ensure_ensembl_index), made deterministic: the ids of
 * readGeneIds without versions (".2"). Of several columns with one id the first in var order stands for it.
 */
export async function identifyGenes(chunk: AnnData): Promise<GeneIdentity> {
  return assignIds(await readGeneIds(chunk));
}

/**
 * The var index or var.ensembl_id, whichever has more Ensembl ids (the index where they are equal). Only where neither
 * has any are the names of the index taken as human gene symbols and looked up in the bundled GENCODE table.
 */
export async function readGeneIds(chunk: AnnData): Promise<GeneIds> {
  const names = await chunk.names('var');
  const column = (await chunk.keys('var')).includes(ENSEMBL_COLUMN) ? await textColumn(chunk, ENSEMBL_COLUMN) : [];
  const inIndex = countEnsembl(names);
  const inColumn = countEnsembl(column);
  if (inIndex === 0 && inColumn === 0) {
    const table = await loadSymbolTable();
    return { source: 'symbols', values: names.map((symbol) => table.get(symbol) ?? null) };
  }
  return inIndex >= inColumn ? { source: 'index', values: names } : { source: 'ensembl_id', values: column };
}

/** readGeneIds of a chunk whose gene symbols may be looked up only where `mapSymbols` says so; else InvalidInput. */
export async function readGeneIdsUnlessSymbols(chunk: AnnData, name: string, mapSymbols: boolean): Promise<GeneIds> {
  const ids = await readGeneIds(chunk);
  if (ids.source !== 'symbols' || mapSymbols) return ids;
  const shown = (await chunk.names('var')).slice(0, 3).join(', ');
  throw invalidInput(
    `Missing ensembl_id for Geneformer: neither the var index of ${name} (${shown}, ...) nor var.ensembl_id has Ensembl ids`,
    'Add Ensembl gene ids (ENSG...) as var.ensembl_id, or let symbols be looked up (map_symbols: true).',
  );
}

/** An id without its version: "ENSG00000000003.5" -> "ENSG00000000003". */
export function withoutVersion(id: string): string {
  const dot = id.indexOf('.');
  return dot < 0 ? id : id.slice(0, dot);
}

const countEnsembl = (values: readonly (string | null)[]): number =>
  values.reduce((count, value) => (value !== null && ENSEMBL_ID.test(value) ? count + 1 : count), 0);

async function textColumn(chunk: AnnData, name: string): Promise<(string | null)[]> {
  const column = await chunk.column('var', name);
  if (column.kind === 'strings') return column.values;
  if (column.kind === 'categories') return Array.from(column.codes, (code) => column.categories[code] ?? null);
  return [];
}

function assignIds({ source, values }: GeneIds): GeneIdentity {
  const seen = new Set<string>();
  const duplicated = new Set<string>();
  const counts = { mapped: 0, missing: 0, dropped: 0, duplicates: 0, versionsStripped: 0 };
  const ids = values.map((value) => {
    if (value === null || value === '') {
      counts.missing++;
      return null;
    }
    if (!ENSEMBL_ID.test(value)) {
      counts.dropped++;
      return null;
    }
    const id = withoutVersion(value);
    if (id !== value) counts.versionsStripped++;
    if (seen.has(id)) {
      counts.duplicates++;
      duplicated.add(id);
      return null;
    }
    seen.add(id);
    counts.mapped++;
    return id;
  });
  return { ids, duplicated, report: { source, ...counts } };
}
