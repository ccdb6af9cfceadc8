import type { AnnData } from '../anndata/types.js';
import { invalidInput, type ObsmithError } from '../errors.js';
import { type GeneIdentity, identifyGenes } from './gene-identity.js';
import type { Json } from './types.js';

/** How a chunk's var columns fit a list of genes. */
export interface GeneMatch {
  /** Per var column its position in the list, or -1. */
  readonly positions: Int32Array;
  /** Genes of the list that the chunk has. */
  readonly found: number;
  /** Genes of the list that several columns are; the first of them stands for the gene. */
  readonly duplicated: readonly string[];
  /** Counts of columns (see GeneIdentityReport), and of listed genes: listed, found, coverage = found / listed. */
  readonly report: Readonly<Record<string, Json>>;
}

export interface GeneMatchOptions {
  /** "train/chunk_0", for messages. */
  readonly chunkName: string;
  /** Least share of the listed genes that the chunk must have; below it the chunk is refused. */
  readonly minCoverage: number;
}

const HUMAN_GENE = /^ENSG\d/;

const SPECIES: Readonly<Record<string, string>> = {
  ENSMUSG: 'mouse',
  ENSRNOG: 'rat',
  ENSDARG: 'zebrafish',
  ENSMMUG: 'rhesus macaque',
  ENSMFAG: 'crab-eating macaque',
  ENSPTRG: 'chimpanzee',
  ENSSSCG: 'pig',
  ENSBTAG: 'cow',
  ENSGALG: 'chicken',
};

/**
 * Places a chunk's genes in a list of Ensembl ids. InvalidInput where the list is human and most of the chunk's ids are
 * of another species, where no gene of the list is there, or where fewer are than `minCoverage` asks for.
 */
export async function matchGenes(
  chunk: AnnData,
  list: { readonly name: string; readonly genes: readonly string[] },
  { chunkName, minCoverage }: GeneMatchOptions,
): Promise<GeneMatch> {
  const identity = await identifyGenes(chunk);
  const position = new Map(list.genes.map((gene, at) => [gene, at]));
  const positions = Int32Array.from(identity.ids, (id) => (id === null ? -1 : (position.get(id) ?? -1)));
  const found = positions.reduce((count, at) => (at >= 0 ? count + 1 : count), 0);
  const listed = list.genes.length;
  if (list.genes.some((gene) => HUMAN_GENE.test(gene))) refuseOtherSpecies(identity, chunkName, list.name);
  if (found === 0) throw noOverlap(identity, await chunk.names('var'), chunkName, list.name);
  if (found < minCoverage * listed) {
    throw invalidInput(
      `${chunkName} has ${found} of the ${listed} genes of ${list.name} (coverage ${(found / listed).toFixed(3)}), but min_coverage is ${minCoverage}`,
      `Check the gene ids of the chunk, or lower method_options.${list.name}.min_coverage.`,
    );
  }
  const duplicated = list.genes.filter((gene) => identity.duplicated.has(gene));
  return { positions, found, duplicated, report: { ...identity.report, listed, found, coverage: found / listed } };
}

/** InvalidInput where most ids are of another species than human. */
export function refuseOtherSpecies({ ids, report }: GeneIdentity, chunkName: string, listName: string): void {
  const prefixes = new Map<string, number>();
  for (const id of ids) {
    if (id === null) continue;
    const prefix = /^[A-Z]+/.exec(id)![0];
    prefixes.set(prefix, (prefixes.get(prefix) ?? 0) + 1);
  }
  for (const [prefix, count] of prefixes) {
    if (prefix === 'ENSG' || count <= report.mapped / 2) continue;
    const species = SPECIES[prefix] ? ` (${SPECIES[prefix]})` : '';
    throw invalidInput(
      `Wrong species: ${count} of ${report.mapped} gene ids of ${chunkName} begin with ${prefix}${species}, but ${listName} lists human genes (ENSG)`,
      `Map the genes to their human orthologs in var.ensembl_id first, or remove ${listName} from methods.`,
    );
  }
}

function noOverlap(
  { report }: GeneIdentity,
  names: readonly string[],
  chunkName: string,
  listName: string,
): ObsmithError {
  const examples = names
    .slice(0, 3)
    .map((name) => `"${name}"`)
    .join(', ');
  const tried = {
    index: 'Ensembl ids in the var index',
    ensembl_id: 'Ensembl ids in var.ensembl_id',
    symbols: 'gene symbols in the var index (there are no Ensembl ids)',
  }[report.source];
  return invalidInput(
    `Dataset has no genes from the required gene set: none of the ${names.length} genes of ${chunkName} (${examples}, ...) is in ${listName}; looked at ${tried}`,
    'Add human Ensembl gene ids (ENSG...) as var index or as var.ensembl_id.',
  );
}
