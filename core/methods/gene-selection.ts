import { z } from 'zod';
import { EXPRESSION_ELEMENTS, expressionProblems } from './expression.js';
import { fixedDim } from './fixed-dim.js';
import { gatherInto } from './gene-columns.js';
import { geneIdentityElements } from './gene-identity.js';
import { loadGeneList } from './gene-lists.js';
import { matchGenes } from './gene-match.js';
import type { Embedder, EmbedInput, Method } from './types.js';

const options = z.strictObject({
  /** Least share of the listed genes that every chunk must have; 0 refuses only chunks that have none. */
  min_coverage: z.number().min(0).max(1).default(0),
});

type GeneSelectionOptions = z.infer<typeof options>;

/** gs: expression of 3,936 listed genes. */
export const gs = geneSelection('gs', 3936);

/** gs10k: expression of 10,000 listed genes. */
export const gs10k = geneSelection('gs10k', 10_000);

/**
 * Columns of log-normalised expression by Ensembl id, in the order of a bundled list; genes that a chunk lacks are 0.
 * Equals the embedders gs and gs10k of mengerj/adata_hf_datasets.
 */
function geneSelection(name: 'gs' | 'gs10k', dim: number): Method<GeneSelectionOptions> {
  return {
    name,
    algorithmVersion: 1,
    source: 'expression',
    device: 'cpu',
    options,
    sparseOutput: true,
    resolveDim: (configured) => fixedDim(name, dim, configured),
    reads: (_settings, chunk) => [...EXPRESSION_ELEMENTS, ...geneIdentityElements(chunk)],
    problems: (_settings, chunk) => expressionProblems(chunk),
    fitRounds: () => [],
    open: (input) => openSelection(name, input),
  };
}

async function openSelection(
  name: 'gs' | 'gs10k',
  { chunk, scan, settings }: EmbedInput<GeneSelectionOptions>,
): Promise<Embedder> {
  const list = await loadGeneList(name);
  const minCoverage = settings.options.min_coverage;
  const { positions, report } = await matchGenes(chunk, list, { chunkName: scan.name, minCoverage });
  return {
    source: 'expression',
    columns: positions,
    provenance: { geneList: name, genesDigest: list.sha256 },
    report,
    embed: gatherInto(positions, list.genes.length),
  };
}
