import { createHash } from 'node:crypto';
import type { AnnData } from '../anndata/types.js';
import type { Problem } from '../errors.js';
import { invalidInput } from '../errors.js';
import { geneNamesElement, readGeneNames } from '../fits/gene-names.js';
import type { Fit } from '../fits/types.js';
import { GatherColumns } from '../kernels/gather-columns.js';
import type { ChunkSummary, Json, MatrixEmbedder, MethodSettings } from './types.js';

/** Lists of genes up to this length stand in provenance themselves, beside their digest. */
const LISTED_GENES = 2000;

/** Where a chunk's columns stand among the genes of a fit. */
export interface GeneColumns {
  /** Per column its position among the genes, or -1. */
  readonly positions: Int32Array;
  readonly report: Readonly<Record<string, Json>>;
}

/** InvalidInput where the chunk has none of the fit's genes; those that it lacks are counted, and are 0. */
export async function columnsOfFit(
  chunk: AnnData,
  chunkName: string,
  fit: Pick<Fit, 'method' | 'genes'>,
  geneKey: string | null,
): Promise<GeneColumns> {
  const names = await readGeneNames(chunk, chunkName, geneKey);
  const places = new Map(fit.genes.map((gene, place) => [gene, place]));
  const positions = Int32Array.from(names, (name) => places.get(name) ?? -1);
  const found = positions.reduce((count, place) => count + (place >= 0 ? 1 : 0), 0);
  if (found === 0) {
    throw invalidInput(
      `${chunkName} has none of the ${fit.genes.length} genes that ${fit.method} was fitted on (${fit.genes.slice(0, 3).join(', ')}, ...); it has ${names.slice(0, 3).join(', ')}, ...`,
      `Bring the chunk to those gene names, or name a var column that has them with method_options.${fit.method}.gene_key.`,
    );
  }
  return { positions, report: { genes: fit.genes.length, found, missing: fit.genes.length - found } };
}

/** What provenance says of chosen genes. */
export function geneProvenance(genes: readonly string[]): Record<string, Json> {
  const genesDigest = createHash('sha256')
    .update(genes.map((gene) => `${gene}\n`).join(''))
    .digest('hex');
  return genes.length <= LISTED_GENES ? { genesDigest, genes: [...genes] } : { genesDigest };
}

/** Elements that a choice of genes depends on, besides expression. */
export function choiceElements({ batchKey }: MethodSettings, geneKey: string | null): string[] {
  return [geneNamesElement(geneKey), ...(batchKey === null ? [] : [`obs/${batchKey}`])];
}

/** Missing columns that a choice of genes needs. */
export function choiceProblems(settings: MethodSettings, geneKey: string | null, chunk: ChunkSummary): Problem[] {
  const { method, batchKey } = settings;
  const problems: Problem[] = [];
  if (batchKey !== null && !chunk.obsColumns.includes(batchKey)) {
    problems.push({
      message: `${chunk.name} has no obs column "${batchKey}", which batch_key names; it has ${chunk.obsColumns.join(', ') || 'none'}`,
      remedy: 'Add the column to every chunk, or set batch_key to null.',
      where: `obs/${batchKey}`,
    });
  }
  if (geneKey !== null && !chunk.varColumns.includes(geneKey)) {
    problems.push({
      message: `${chunk.name} has no var column "${geneKey}", which method_options.${method}.gene_key names; it has ${chunk.varColumns.join(', ') || 'none'}`,
      remedy: 'Add the column to every chunk, or set gene_key to null to match genes by the var index.',
      where: `var/${geneKey}`,
    });
  }
  return problems;
}

/** Embeds blocks of expression as chosen columns: `positions` tells each column's place, or -1 for columns that are left out. */
export function gatherInto(positions: Int32Array, dim: number): MatrixEmbedder['embed'] {
  const columns = new GatherColumns(positions, dim);
  return (block, out) => {
    if (block.kind !== 'sparse') throw new TypeError('expression arrives as sparse blocks');
    columns.gather(block, out);
  };
}
