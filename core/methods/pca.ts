import { z } from 'zod';
import type { Problem } from '../errors.js';
import type { Fit } from '../fits/types.js';
import type { PcaBundle } from '../inference/bundle/types.js';
import { type Projection, RowProjection } from '../kernels/row-projection.js';
import { EXPRESSION_ELEMENTS, expressionProblems, isExpression } from './expression.js';
import { fixedDim } from './fixed-dim.js';
import { choiceElements, choiceProblems, columnsOfFit, geneProvenance } from './gene-columns.js';
import { geneIdentityElements } from './gene-identity.js';
import { loadGeneList } from './gene-lists.js';
import { matchGenes } from './gene-match.js';
import { projectionOf } from './linear-model.js';
import { loadPretrainedPca } from './pretrained-pca.js';
import type { ChunkSummary, Embedder, EmbedInput, Json, Method, MethodSettings } from './types.js';

/** A Gram matrix of more genes takes more than 100 MB per chunk, and its eigenvectors minutes. */
const MOST_GENES = 5000;
const USUAL_DIM = 50;

const options = z.strictObject({
  /** fit: on the data set's own highly variable genes; pretrained: the cross-dataset model of mengerj/adata_hf_datasets; else the id or path of a model bundle. */
  model: z.string().min(1).default('fit'),
  /** Highly variable genes that the fit stands on; fewer where the data have fewer. */
  n_top_genes: z.int().min(2).max(MOST_GENES).default(2000),
  /** var column by which genes are matched; null: the var index, or Ensembl ids for a bundle that lists those. Pretrained always matches Ensembl ids. */
  gene_key: z.string().min(1).nullable().default(null),
});

type PcaOptions = z.infer<typeof options>;

/** Principal components of log-normalised expression. */
export const pca: Method<PcaOptions> = {
  name: 'pca',
  algorithmVersion: 3,
  source: 'expression',
  device: 'cpu',
  options,
  sparseOutput: false,
  bundle: (given) => (originOf(given) === 'bundle' ? 'pca' : null),
  resolveDim: (configured, given) =>
    originOf(given) === 'pretrained' ? fixedDim('pca', USUAL_DIM, configured) : (configured ?? USUAL_DIM),
  reads: (settings, chunk) => [...EXPRESSION_ELEMENTS, ...geneElements(settings, chunk)],
  problems: (settings, chunk) => [...expressionProblems(chunk), ...geneProblems(settings, chunk)],
  fitRounds: ({ options: given }) => (originOf(given) === 'fit' ? ['gene-statistics', 'gram'] : []),
  open: (input) => OPEN[originOf(input.settings.options)](input),
};

type Origin = 'fit' | 'pretrained' | 'bundle';

const OPEN: Readonly<Record<Origin, (input: EmbedInput<PcaOptions>) => Promise<Embedder>>> = {
  fit: openFitted,
  pretrained: openPretrained,
  bundle: openBundle,
};

function originOf({ model }: PcaOptions): Origin {
  return model === 'fit' || model === 'pretrained' ? model : 'bundle';
}

function geneElements(settings: MethodSettings<PcaOptions>, chunk: ChunkSummary): string[] {
  const origin = originOf(settings.options);
  const { gene_key } = settings.options;
  if (origin === 'fit') return choiceElements(settings, gene_key);
  // Whether a bundle lists Ensembl ids or names is not known here: both are covered.
  return origin === 'bundle' && gene_key !== null ? [`var/${gene_key}`] : geneIdentityElements(chunk);
}

function geneProblems(settings: MethodSettings<PcaOptions>, chunk: ChunkSummary): Problem[] {
  const origin = originOf(settings.options);
  if (origin === 'pretrained') return [];
  // Only a fit looks at batches.
  return choiceProblems(
    origin === 'fit' ? settings : { ...settings, batchKey: null },
    settings.options.gene_key,
    chunk,
  );
}

async function openFitted({ settings, chunk, scan, fit }: EmbedInput<PcaOptions>): Promise<Embedder> {
  const { positions, report } = await columnsOfFit(chunk, scan.name, fit!, settings.options.gene_key);
  return projectColumns(positions, fittedProjection(fit!, settings.dim), geneProvenance(fit!.genes), report);
}

/** (x - mean) times the transposed components, with the constant part taken out of the sum over stored values. */
function fittedProjection({ arrays, genes }: Fit, outputs: number): Projection {
  const { components, mean } = arrays as { components: Float64Array; mean: Float64Array };
  const weights = new Float64Array(genes.length * outputs);
  const offset = new Float64Array(outputs);
  for (let gene = 0; gene < genes.length; gene++) {
    for (let output = 0; output < outputs; output++) {
      const loading = components[output * genes.length + gene]!;
      weights[gene * outputs + output] = loading;
      offset[output]! += mean[gene]! * loading;
    }
  }
  return { weights, outputs, offset };
}

async function openPretrained({ chunk, scan }: EmbedInput<PcaOptions>): Promise<Embedder> {
  const model = await loadPretrainedPca();
  const list = await loadGeneList('gs10k');
  const { positions, report } = await matchGenes(chunk, list, { chunkName: scan.name, minCoverage: 0 });
  const provenance = { model: model.id, modelDigest: model.sha256, geneList: list.name, genesDigest: list.sha256 };
  return projectColumns(positions, projectionOf(model), provenance, report);
}

async function openBundle(input: EmbedInput<PcaOptions>): Promise<Embedder> {
  const bundle = input.model?.bundle;
  if (bundle?.kind !== 'pca') throw new TypeError('pca is opened with a bundle of pca, found by planning');
  const { positions, report } = await columnsOfBundle(bundle, input);
  return projectColumns(positions, projectionOf(bundle), { genesDigest: bundle.genesSha256 }, report);
}

/** By the var column that gene_key names, else by what the bundle lists. */
function columnsOfBundle(
  { matchBy, genes }: PcaBundle,
  { settings, chunk, scan }: EmbedInput<PcaOptions>,
): Promise<{ positions: Int32Array; report: Readonly<Record<string, Json>> }> {
  const { gene_key } = settings.options;
  if (matchBy === 'ensembl-id' && gene_key === null)
    return matchGenes(chunk, { name: 'pca', genes }, { chunkName: scan.name, minCoverage: 0 });
  return columnsOfFit(chunk, scan.name, { method: 'pca', genes }, gene_key);
}

function projectColumns(
  positions: Int32Array,
  projection: Projection,
  provenance: Readonly<Record<string, Json>>,
  report: Readonly<Record<string, Json>>,
): Embedder {
  const rows = new RowProjection(projection, positions);
  return {
    source: 'expression',
    columns: positions,
    provenance,
    report,
    embed(block, out) {
      if (!isExpression(block)) throw new TypeError('expression arrives as sparse blocks of float32');
      rows.project(block, out);
    },
  };
}
