import { z } from 'zod';
import type { AnnData } from '../anndata/types.js';
import { invalidInput } from '../errors.js';
import { noBatches, readCellBatches } from '../fits/cell-batches.js';
import { readGeneNames } from '../fits/gene-names.js';
import { accumulateGeneStatistics } from '../fits/gene-statistics.js';
import { chooseOverAllCells, chooseOverBatches, firstByDispersion, tooFewGenes } from '../fits/highly-variable.js';
import { EXPRESSION_ELEMENTS, expressionBlocks, expressionProblems } from './expression.js';
import { choiceElements, choiceProblems, columnsOfFit, gatherInto, geneProvenance } from './gene-columns.js';
import type { Embedder, EmbedInput, Json, Method } from './types.js';

const options = z.strictObject({
  /** dataset: one gene set for the whole data set; chunk: every chunk chooses its own, as mengerj/adata_hf_datasets does. */
  scope: z.enum(['dataset', 'chunk']).default('dataset'),
  /** var column by which genes are matched across chunks; null: the var index. */
  gene_key: z.string().min(1).nullable().default(null),
});

type HvgOptions = z.infer<typeof options>;

/** Columns of chunk scope that an earlier choice of genes left in var. */
const EARLIER_CHOICE = ['highly_variable', 'dispersions_norm'];

/** Log-normalised expression of the most highly variable genes (scanpy's flavor "seurat"), in var order. */
export const hvg: Method<HvgOptions> = {
  name: 'hvg',
  algorithmVersion: 1,
  source: 'expression',
  device: 'cpu',
  options,
  sparseOutput: true,
  resolveDim: (configured) => configured ?? 512,
  reads: (settings, chunk) => [
    ...EXPRESSION_ELEMENTS,
    ...choiceElements(settings, settings.options.gene_key),
    ...(settings.options.scope === 'chunk'
      ? EARLIER_CHOICE.filter((name) => chunk.varColumns.includes(name)).map((name) => `var/${name}`)
      : []),
  ],
  problems: (settings, chunk) => [
    ...expressionProblems(chunk),
    ...choiceProblems(settings, settings.options.gene_key, chunk),
  ],
  fitRounds: ({ options: { scope } }) => (scope === 'dataset' ? ['gene-statistics'] : []),
  open: (input) => (input.settings.options.scope === 'dataset' ? openFitted(input) : openChunkScope(input)),
};

async function openFitted({ settings, chunk, scan, fit }: EmbedInput<HvgOptions>): Promise<Embedder> {
  const { positions, report } = await columnsOfFit(chunk, scan.name, fit!, settings.options.gene_key);
  return gatherColumns(positions, fit!.genes, settings.dim, report);
}

async function openChunkScope(input: EmbedInput<HvgOptions>): Promise<Embedder> {
  const { settings, chunk, scan } = input;
  const names = await readGeneNames(chunk, scan.name, settings.options.gene_key);
  const chosen = (await earlierChoice(input)) ?? (await chooseWithin(input, names));
  if (chosen.length < settings.dim) throw tooFewGenes(settings.dim, chosen.length, names.length);
  const positions = new Int32Array(names.length).fill(-1);
  chosen.forEach((gene, position) => {
    positions[gene] = position;
  });
  const genes = Array.from(chosen, (gene) => names[gene]!);
  return gatherColumns(positions, genes, settings.dim, { genes: genes.length });
}

/** Genes marked in var.highly_variable where there are enough; of more, those of the highest var.dispersions_norm. */
async function earlierChoice({ settings, chunk, scan }: EmbedInput<HvgOptions>): Promise<Int32Array | null> {
  if (!scan.varColumns.includes('highly_variable')) return null;
  const marked = await markedGenes(chunk);
  if (marked.length < settings.dim) return null;
  if (marked.length === settings.dim) return marked;
  const dispersions = scan.varColumns.includes('dispersions_norm')
    ? await chunk.column('var', 'dispersions_norm')
    : null;
  if (dispersions?.kind !== 'numbers') {
    throw invalidInput(
      `${scan.name} marks ${marked.length} genes in var.highly_variable, more than the ${settings.dim} of hvg, but has no numbers in var.dispersions_norm to choose among them`,
      "Missing 'dispersions_norm': run sc.pp.highly_variable_genes on the chunk again, or remove var.highly_variable.",
    );
  }
  return firstByDispersion(dispersions.values, settings.dim);
}

async function markedGenes(chunk: AnnData): Promise<Int32Array> {
  const column = await chunk.column('var', 'highly_variable');
  const marks: ArrayLike<unknown> = column.kind === 'booleans' || column.kind === 'numbers' ? column.values : [];
  const genes = Array.from({ length: marks.length }, (_, gene) => gene);
  return Int32Array.from(genes.filter((gene) => marks[gene] === true || marks[gene] === 1));
}

async function chooseWithin(
  { settings, chunk, scan }: EmbedInput<HvgOptions>,
  names: readonly string[],
): Promise<Int32Array> {
  const { dim, batchKey } = settings;
  const batches = await readCellBatches(chunk, batchKey);
  if (batches.names.length === 0) throw noBatches(scan.name, batchKey!);
  const choice = batchKey === null ? chooseOverAllCells(names.length, dim) : chooseOverBatches(names, dim);
  await accumulateGeneStatistics({
    genes: names.length,
    batches,
    blocks: (start, end, blockRows) => expressionBlocks(chunk, scan, { start, end, blockRows }),
    deliver: (batch, sums) => choice.add(sums, batches.cells[batch]!),
  });
  return choice.choose();
}

/** Copies the columns of the chosen genes; those that the chunk lacks stay 0. */
function gatherColumns(
  positions: Int32Array,
  genes: readonly string[],
  dim: number,
  report: Readonly<Record<string, Json>>,
): Embedder {
  return {
    source: 'expression',
    columns: positions,
    provenance: geneProvenance(genes),
    report,
    embed: gatherInto(positions, dim),
  };
}
