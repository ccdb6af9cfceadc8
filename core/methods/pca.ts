import { z } from 'zod';
import type { Fit } from '../fits/types.js';
import { type Projection, RowProjection } from '../kernels/row-projection.js';
import { EXPRESSION_ELEMENTS, expressionProblems, isExpression } from './expression.js';
import { fixedDim } from './fixed-dim.js';
import { choiceElements, choiceProblems, columnsOfFit, geneProvenance } from './gene-columns.js';
import { geneIdentityElements } from './gene-identity.js';
import { loadGeneList } from './gene-lists.js';
import { matchGenes } from './gene-match.js';
import { loadPretrainedPca, type PretrainedPca } from './pretrained-pca.js';
import type { Embedder, EmbedInput, Json, Method } from './types.js';

/** A Gram matrix of more genes takes more than 100 MB per chunk, and its eigenvectors minutes. */
const MOST_GENES = 5000;
const PRETRAINED_DIM = 50;

const options = z.strictObject({
  /** fit: on the data set's own highly variable genes; pretrained: the cross-dataset model of mengerj/adata_hf_datasets. */
  model: z.enum(['fit', 'pretrained']).default('fit'),
  /** Highly variable genes that the fit stands on; fewer where the data have fewer. */
  n_top_genes: z.int().min(2).max(MOST_GENES).default(2000),
  /** var column by which genes are matched across chunks; null: the var index. Pretrained matches Ensembl ids. */
  gene_key: z.string().min(1).nullable().default(null),
});

type PcaOptions = z.infer<typeof options>;

/** Principal components of log-normalised expression. */
export const pca: Method<PcaOptions> = {
  name: 'pca',
  algorithmVersion: 2,
  source: 'expression',
  device: 'cpu',
  options,
  sparseOutput: false,
  resolveDim: (configured, { model }) =>
    model === 'fit' ? (configured ?? PRETRAINED_DIM) : fixedDim('pca', PRETRAINED_DIM, configured),
  reads: (settings, chunk) => [
    ...EXPRESSION_ELEMENTS,
    ...(isFitted(settings) ? choiceElements(settings, settings.options.gene_key) : geneIdentityElements(chunk)),
  ],
  problems: (settings, chunk) => [
    ...expressionProblems(chunk),
    ...(isFitted(settings) ? choiceProblems(settings, settings.options.gene_key, chunk) : []),
  ],
  fitRounds: (settings) => (isFitted(settings) ? ['gene-statistics', 'gram'] : []),
  open: (input) => (isFitted(input.settings) ? openFitted(input) : openPretrained(input)),
};

const isFitted = ({ options: { model } }: { options: PcaOptions }): boolean => model === 'fit';

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
  return projectColumns(positions, pretrainedProjection(model), provenance, report);
}

/** Scaler and components as one linear map: genes that a chunk lacks are 0 before scaling. */
function pretrainedProjection({ genes, dim, components, pcaMean, scalerMean, scalerScale }: PretrainedPca): Projection {
  const weights = new Float64Array(genes.length * dim);
  const offset = new Float64Array(dim);
  for (let gene = 0; gene < genes.length; gene++) {
    const constant = scalerMean[gene]! / scalerScale[gene]! + pcaMean[gene]!;
    for (let output = 0; output < dim; output++) {
      const loading = components[output * genes.length + gene]!;
      weights[gene * dim + output] = loading / scalerScale[gene]!;
      offset[output]! += constant * loading;
    }
  }
  return { weights, outputs: dim, offset };
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
