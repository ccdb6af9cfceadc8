import { z } from 'zod';
import { addRow, type RowRanges } from '../anndata/obsm/row-ranges.js';
import { openTokenModel } from '../inference/token-model.js';
import { tokenElements } from '../tokenization/prepare-tokens.js';
import { countsProblems } from './counts.js';
import type { Embedder, EmbedInput, Method } from './types.js';

interface GeneformerOptions {
  readonly model: string;
  readonly map_symbols: boolean;
}

/** Geneformer V2-104M: the state of the first token, `<cls>`, after all but the last layer. */
export const geneformer = geneformerMethod('geneformer', 768);

/** Geneformer V1 12L-30M: the mean of the states of all tokens, after all but the last layer. */
export const geneformerV1 = geneformerMethod('geneformer-v1', 512);

/**
 * A method that runs bundles of Geneformer over prepared tokens. Layer and pooling are the bundle's; as the package's
 * EmbExtractor with emb_layer=-1. Cells without a gene of the vocabulary, and those that obs.filter_pass excludes, get
 * rows of zeros, which provenance lists.
 */
function geneformerMethod(name: string, usualDim: number): Method<GeneformerOptions> {
  return {
    name,
    // Raised with the version of tokenization, too.
    algorithmVersion: 1,
    source: 'prepared',
    device: 'gpu',
    options: z.strictObject({
      /** Id of a bundle in the models folder, or the path of one. */
      model: z.string().min(1).default(name),
      /** Whether gene symbols are looked up in the bundled table where a chunk has no Ensembl ids; else it is refused. */
      map_symbols: z.boolean().default(true),
    }),
    bundle: () => 'geneformer',
    preparation: 'tokens',
    sparseOutput: false,
    resolveDim: (configured) => configured ?? usualDim,
    reads: (_settings, chunk) => tokenElements(chunk),
    problems: (_settings, chunk) => countsProblems(name, chunk),
    fitRounds: () => [],
    open: (input) => openModel(name, input),
  };
}

async function openModel(
  name: string,
  { settings, model: given, tokens }: EmbedInput<GeneformerOptions>,
): Promise<Embedder> {
  if (given?.bundle.kind !== 'geneformer' || tokens === undefined)
    throw new TypeError(`${name} is opened with a bundle of geneformer, found by planning, and with prepared tokens`);
  const { bundle } = given;
  const model = await openTokenModel({ ...given, bundle }, settings.batchSize);
  return {
    source: 'prepared',
    provenance: { vocabularySha256: bundle.vocabularySha256, zeroRows: emptyRows(tokens.lengths) },
    report: tokens.report,
    embedRows: async (start, end, out) => model.embed(await tokens.rows(start, end), out),
  };
}

/** Rows without tokens. */
function emptyRows(lengths: Uint32Array): RowRanges {
  const ranges: RowRanges = [];
  lengths.forEach((length, row) => {
    if (length === 0) addRow(ranges, row);
  });
  return ranges;
}
