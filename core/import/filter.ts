import { invalidInput } from '../errors.js';
import type { TaskContext } from '../tasks/types.js';
import { type CountSurvey, countKeptGenes } from './raw-counts.js';
import type { ImportSource } from './source.js';

/** 1 where a cell or gene of the input goes into the chunks. */
export interface Kept {
  readonly cells: Uint8Array;
  readonly genes: Uint8Array;
  readonly cellCount: number;
  readonly geneCount: number;
}

/**
 * Genes above zero in at least `minCells` cells of the file, then cells with at least `minGenes` of those genes above
 * zero: scanpy's filter_genes followed by filter_cells, over the whole file.
 */
export async function filterCounts(
  source: ImportSource,
  survey: CountSurvey,
  limits: { readonly minCells: number; readonly minGenes: number },
  ctx: TaskContext,
): Promise<Kept> {
  const genes = survey.isGene.map((flag, gene) => Number(flag === 1 && survey.cellsPerGene[gene]! >= limits.minCells));
  const dropped = genes.some((flag, gene) => flag === 0 && survey.cellsPerGene[gene]! > 0);
  const genesPerCell =
    dropped && limits.minGenes > 0 ? await countKeptGenes(source, survey.candidate, genes, ctx) : survey.genesPerCell;
  const cells = Uint8Array.from(genesPerCell, (count) => Number(count >= limits.minGenes));

  const cellCount = cells.reduce((sum, flag) => sum + flag, 0);
  const geneCount = genes.reduce((sum, flag) => sum + flag, 0);
  if (cellCount === 0 || geneCount === 0) {
    throw invalidInput(
      `Nothing of ${source.path} is left: ${cellCount} of ${source.cells} cells have ${limits.minGenes} genes, ${geneCount} of ${survey.candidate.genes} genes are in ${limits.minCells} cells`,
      source.cells === 0 ? 'Give a file with cells.' : 'Lower --min-genes or --min-cells.',
    );
  }
  return { cells, genes, cellCount, geneCount };
}
