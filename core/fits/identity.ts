import { invalidInput } from '../errors.js';
import { sha256OfJson } from '../methods/canonical-json.js';
import { expressionMatrix } from '../methods/expression.js';
import type { Json } from '../methods/types.js';
import type { PlannedMethod } from '../plan/types.js';
import { geneNamesElement } from './gene-names.js';
import type { FitChunk } from './resolve-fits.js';
import type { Fit, FitRound } from './types.js';

/** Raised whenever the same chunks would give other sums, or sums lie elsewhere; part of every round's key. */
const ROUND_VERSION = 2;

/** Options that fitted methods share; `scope`, `model` and the like only decide whether there is a fit at all. */
interface FitOptions {
  readonly gene_key?: string | null;
  readonly n_top_genes?: number;
}

const optionsOf = (method: PlannedMethod): FitOptions => (method.options ?? {}) as FitOptions;

/** var column that names genes across chunks, or null for the var index. */
export const geneKeyOf = (method: PlannedMethod): string | null => optionsOf(method).gene_key ?? null;

/** The element that these names are. */
export const geneNamesOf = (method: PlannedMethod): string => geneNamesElement(geneKeyOf(method));

/** How many highly variable genes a method's fit chooses: all dimensions of hvg, `n_top_genes` of pca. */
export const topGenesOf = (method: PlannedMethod): number => optionsOf(method).n_top_genes ?? method.dim;

/** sha256 (hex) over method, parameters, algorithm version and the fitted chunks' names and digests, in order; and over what was left out. */
export function fitId(method: PlannedMethod, chunks: readonly FitChunk[], leftOut: Fit['leftOut']): string {
  return fitIdOf(method, fittedChunks(method, chunks), leftOut);
}

/** The same from the chunks as a fit lists them. */
export function fitIdOf(method: PlannedMethod, chunks: Fit['chunks'], leftOut: Fit['leftOut']): string {
  return sha256OfJson({
    method: method.method,
    algorithmVersion: method.algorithmVersion,
    parameters: fitParameters(method),
    chunks: chunks.map(({ name, digest }) => ({ name, digest })),
    leftOut: leftOut.map(({ name }) => name),
  });
}

/** What a chunk's gene statistics depend on beside the chunk: methods with the same batch and gene keys share them. */
export const statisticsKey = (method: PlannedMethod): { [key: string]: Json } => ({
  version: ROUND_VERSION,
  batchKey: method.batchKey,
  geneKey: geneKeyOf(method),
});

/** Key of a round's folder. */
export function roundKey(round: FitRound, method: PlannedMethod, chunks: readonly FitChunk[]): string {
  return sha256OfJson({
    round,
    ...statisticsKey(method),
    chosenGenes: round === 'gram' ? topGenesOf(method) : null,
    chunks: fittedChunks(method, chunks),
  });
}

/** Parameters that a fit's values depend on, as they stand in its description. */
export function fitParameters(method: PlannedMethod): Record<string, Json> {
  return { dim: method.dim, batch_key: method.batchKey, gene_key: geneKeyOf(method), n_top_genes: topGenesOf(method) };
}

/** Name and input digest of every fitted chunk: over its expression, gene names and batches, not over what other methods read. */
export function fittedChunks(method: PlannedMethod, chunks: readonly FitChunk[]): { name: string; digest: string }[] {
  return chunks.map((chunk) => ({ name: chunk.name, digest: fittedDigest(method, chunk) }));
}

export function fittedDigest(method: PlannedMethod, { name, scan }: Pick<FitChunk, 'name' | 'scan'>): string {
  const elements = [
    expressionMatrix(scan),
    geneNamesOf(method),
    ...(method.batchKey === null ? [] : [`obs/${method.batchKey}`]),
  ];
  const digests = elements.map((element) => {
    const digest = scan.digests[element];
    if (digest !== undefined) return [element, digest];
    throw invalidInput(
      `Chunk ${name} has no ${element}, which the fit of ${method.method} reads`,
      missingRemedy(element),
    );
  });
  return sha256OfJson({ expression: scan.expression, digests });
}

function missingRemedy(element: string): string {
  if (element.startsWith('obs/'))
    return `Add the obs column ${element.slice(4)} to every chunk, or set batch_key to null.`;
  return `Add ${element} to every chunk.`;
}
