import type { Column, RowBlock } from '../anndata/types.js';
import type { CountCandidate } from './source.js';

const GENE_EXPRESSION = 'Gene Expression';

export interface TenxFeatures {
  readonly ids: readonly string[];
  readonly names: readonly string[];
  /** Absent before CellRanger 3. */
  readonly types: readonly string[] | null;
  /** Further columns, e.g. genome. */
  readonly more: ReadonlyMap<string, readonly string[]>;
}

/** The one matrix of a 10x file: gene names as the index, ids as `gene_ids`; only features of type Gene Expression are genes. */
export function tenxCandidate(features: TenxFeatures, rowBlocks: () => AsyncIterable<RowBlock>): CountCandidate {
  const { ids, names, types, more } = features;
  const columns = new Map<string, Column>([['gene_ids', strings(ids)]]);
  if (types) columns.set('feature_types', strings(types));
  for (const [name, values] of more) columns.set(name, strings(values));
  return {
    element: 'matrix',
    genes: ids.length,
    rowBlocks,
    geneNames: async () => [...names],
    geneColumns: async () => columns,
    notGenes: async () => (types ? Uint8Array.from(types, (type) => Number(type !== GENE_EXPRESSION)) : null),
  };
}

/** Feature types that are left out, with how many features there are of each. */
export function tenxLeftOut(features: TenxFeatures): { element: string; reason: string }[] {
  const others = (features.types ?? []).filter((type) => type !== GENE_EXPRESSION);
  return [...new Set(others)].map((type) => {
    const count = others.filter((other) => other === type).length;
    return { element: `${count} features "${type}"`, reason: 'only gene expression is imported' };
  });
}

const strings = (values: readonly string[]): Column => ({ kind: 'strings', values: [...values] });
