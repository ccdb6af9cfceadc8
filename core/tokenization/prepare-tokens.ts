import { join } from 'node:path';
import { openAnnData } from '../anndata/open.js';
import { tokensFile } from '../dataset/layout.js';
import { scanChunk } from '../dataset/scan.js';
import { readSummary } from '../dataset/summary.js';
import type { ChunkReference, ChunkScan } from '../dataset/types.js';
import type { GeneformerBundle, TokenizerSettings } from '../inference/bundle/types.js';
import { sha256OfJson } from '../methods/canonical-json.js';
import { COUNTS } from '../methods/counts.js';
import { geneIdentityElements } from '../methods/gene-identity.js';
import type { ChunkSummary, Json } from '../methods/types.js';
import type { PlannedMethod } from '../plan/types.js';
import type { TaskContext } from '../tasks/types.js';
import { cellElements } from './cell-sums.js';
import { openTokenFile } from './token-file.js';
import { type TokenReport, tokenizeChunk } from './tokenize-chunk.js';

/** Raised whenever the same input, vocabulary and settings would give other tokens. */
const TOKENIZATION_VERSION = 1;

/** What tokens depend on beside the chunk. */
export interface TokenSettings {
  /** sha256 (hex) of vocab.json. */
  readonly vocabularySha256: string;
  readonly tokenizer: TokenizerSettings;
}

/** What names the tokens of a data set's chunks, besides what is in the chunks. */
export interface TokenNaming {
  readonly dataset: string;
  /** The method that the tokens are for. */
  readonly method: string;
  readonly bundle: TokenSettings;
  /** Gene symbols are looked up where a chunk has no Ensembl ids; else such a chunk is refused. */
  readonly mapSymbols: boolean;
}

export interface TokenRequest extends TokenNaming {
  /** Absolute base folder. */
  readonly base: string;
  readonly chunk: Pick<ChunkReference, 'name' | 'input'>;
  readonly bundle: Pick<GeneformerBundle, 'id' | 'vocabulary'> & TokenSettings;
}

export interface PreparedTokens {
  /** Relative to the base; see openTokenFile. */
  readonly file: string;
  /** False where the tokens were there already. */
  readonly computed: boolean;
  readonly cells: number;
  readonly report: TokenReport;
}

/** What tokenizing depends on, besides vocabulary and settings: what the scan digests. */
export function tokenElements(chunk: ChunkSummary): string[] {
  return [COUNTS, ...geneIdentityElements(chunk), ...cellElements(chunk)];
}

/**
 * Tokenizes a chunk into a file below `.obsmith/prepared`, in one pass over its counts and in memory of a few blocks.
 * Tokens of the same counts, genes, vocabulary and settings are reused, whoever made them. InvalidInput for counts that
 * are none, cells without a sum, and chunks without a gene of the vocabulary.
 */
export async function prepareTokens(request: TokenRequest, context: TaskContext): Promise<PreparedTokens> {
  const { base, dataset, chunk } = request;
  const input = await openAnnData(join(base, chunk.input));
  try {
    const elements = tokenElements(await readSummary(input, chunk.name));
    const scan = await scanChunk({ base, dataset, chunk, elements }, { ...context, progress() {} });
    const file = tokensPath(request, scan)!;
    const kept = await openTokenFile(join(base, file));
    if (kept) {
      await kept.close();
      return { file, computed: false, cells: kept.cells, report: kept.report as TokenReport };
    }
    const report = await tokenizeChunk({ ...request, input, name: chunk.name, path: join(base, file) }, context);
    return { file, computed: true, cells: input.cells, report };
  } finally {
    await input.close();
  }
}

/** How a planned method names its tokens; it must be one that embeds tokens. */
export function tokenNaming(dataset: string, { method, tokens, options }: PlannedMethod): TokenNaming {
  const { map_symbols: mapSymbols } = options as { map_symbols: boolean };
  return { dataset, method, bundle: tokens!, mapSymbols };
}

/**
 * Where the tokens of a chunk lie once they are made, relative to the base: named by all that they depend on. Null where
 * the scan does not know all of that.
 */
export function tokensPath({ dataset, method, bundle, mapSymbols }: TokenNaming, scan: ChunkScan): string | null {
  const digests: { [element: string]: Json } = {};
  for (const element of tokenElements(scan)) {
    if (scan.digests[element] === undefined) return null;
    digests[element] = scan.digests[element];
  }
  const key = sha256OfJson({
    version: TOKENIZATION_VERSION,
    digests,
    vocabulary: bundle.vocabularySha256,
    tokenizer: { ...bundle.tokenizer },
    mapSymbols,
  });
  return tokensFile(dataset, scan.name, method, key);
}
