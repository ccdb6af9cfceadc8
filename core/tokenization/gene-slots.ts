import type { Vocabulary } from '../inference/bundle/types.js';

/** Where the counts of each column go: the genes of the vocabulary that a chunk has, each with its token. */
export interface GeneSlots {
  /** Per column its slot, or -1 where the vocabulary lacks the gene. */
  readonly slotOf: Int32Array;
  /** Per slot. */
  readonly tokens: Uint16Array;
  readonly medians: Float64Array;
  /** Slots from here on are sums of several columns; the number of slots where none is. */
  readonly firstSum: number;
  readonly report: GeneReport;
}

/** Counts of var columns: known + lost = genes. */
export type GeneReport = {
  readonly genes: number;
  /** Columns whose gene is in the vocabulary, and their share of all. */
  readonly known: number;
  readonly knownShare: number;
  readonly lost: number;
  /** Columns that were summed with others of the same gene, and the genes that they became. */
  readonly collapsed: number;
  readonly collapsedInto: number;
};

/**
 * Maps Ensembl ids to the vocabulary as the Geneformer tokenizer does: ids are looked up in upper case. Only where two
 * different ids mean one gene are synonyms summed, and then the summed genes stand after all others, in the order of
 * their first column; one id that simply occurs twice stays two columns with one token. Ties in rank follow this order.
 * @param ids per var column its id without version, or null
 */
export function geneSlots(ids: readonly (string | null)[], vocabulary: Vocabulary): GeneSlots {
  const geneOf = geneLookup(vocabulary);
  const genes = ids.map((id) => (id === null ? undefined : geneOf(id.toUpperCase())));
  const columnsOf = new Map<string, number>();
  for (const gene of genes) if (gene !== undefined) columnsOf.set(gene, (columnsOf.get(gene) ?? 0) + 1);
  const sums = hasSynonyms(ids, geneOf) ? [...columnsOf].filter(([, columns]) => columns > 1) : [];
  const summed = new Set(sums.map(([gene]) => gene));

  const slots: string[] = [];
  const slotOf = Int32Array.from(genes, (gene) => {
    if (gene === undefined || summed.has(gene)) return -1;
    return slots.push(gene) - 1;
  });
  const firstSum = slots.length;
  const sumSlots = new Map(sums.map(([gene]) => [gene, slots.push(gene) - 1]));
  for (const [column, gene] of genes.entries()) {
    if (gene !== undefined && summed.has(gene)) slotOf[column] = sumSlots.get(gene)!;
  }

  const place = new Map(vocabulary.genes.map((gene, at) => [gene, at]));
  const known = genes.reduce((count, gene) => (gene === undefined ? count : count + 1), 0);
  return {
    slotOf,
    tokens: Uint16Array.from(slots, (gene) => vocabulary.tokens[place.get(gene)!]!),
    medians: Float64Array.from(slots, (gene) => vocabulary.medians[place.get(gene)!]!),
    firstSum,
    report: {
      genes: ids.length,
      known,
      knownShare: ids.length === 0 ? 0 : known / ids.length,
      lost: ids.length - known,
      collapsed: sums.reduce((count, [, columns]) => count + columns, 0),
      collapsedInto: sums.length,
    },
  };
}

function geneLookup({ genes, aliases, unmapped }: Vocabulary): (id: string) => string | undefined {
  const mapping = new Map(genes.map((gene) => [gene, gene]));
  for (const gene of unmapped) mapping.delete(gene);
  for (const [alias, gene] of Object.entries(aliases)) mapping.set(alias, gene);
  return (id) => mapping.get(id);
}

/** Whether two different ids of the chunk mean one gene; ids count here as they are written. */
function hasSynonyms(ids: readonly (string | null)[], geneOf: (id: string) => string | undefined): boolean {
  const known = new Set(ids.filter((id) => id !== null && geneOf(id) !== undefined) as string[]);
  return new Set([...known].map(geneOf)).size < known.size;
}
