import { join } from 'node:path';
import { openAnnData } from '../anndata/open.js';
import { tokensFile } from '../dataset/layout.js';
import { scanChunk } from '../dataset/scan.js';
import { readSummary } from '../dataset/summary.js';
import type { ChunkReference, ChunkScan } from '../dataset/types.js';
import type { GeneformerBundle } from '../inference/bundle/types.js';
import { sha256OfJson } from '../methods/canonical-json.js';
import { COUNTS } from '../methods/counts.js';
import { geneIdentityElements } from '../methods/gene-identity.js';
import type { ChunkSummary, Json } from '../methods/types.js';
import type { TaskContext } from '../tasks/types.js';
import { cellElements } from './cell-sums.js';
import { openTokenFile, type TokenFile } from './token-file.js';
import { type TokenReport, tokenizeChunk } from './tokenize-chunk.js';

/** Raised whenever the same input, vocabulary and settings would give other tokens. */
const TOKENIZATION_VERSION = 1;

export interface TokenRequest {
  /** Absolute base folder. */
  readonly base: string;
  readonly dataset: string;
  readonly chunk: Pick<ChunkReference, 'name' | 'input'>;
  readonly bundle: Pick<GeneformerBundle, 'id' | 'tokenizer' | 'vocabulary' | 'vocabularySha256'>;
  /** Gene symbols are looked up where a chunk has no Ensembl ids; else such a chunk is refused. */
  readonly mapSymbols: boolean;
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
    const file = tokensFile(dataset, tokensKey(request, scan));
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

/** The tokens that prepareTokens made of a chunk, or null where they are not there (any more). */
export async function openPreparedTokens(request: TokenRequest, scan: ChunkScan): Promise<TokenFile | null> {
  return openTokenFile(join(request.base, tokensFile(request.dataset, tokensKey(request, scan))));
}

/** sha256 (hex) of all that tokens depend on. */
function tokensKey({ bundle, mapSymbols }: TokenRequest, scan: ChunkScan): string {
  const digests: { [element: string]: Json } = {};
  for (const element of tokenElements(scan)) digests[element] = scan.digests[element]!;
  return sha256OfJson({
    version: TOKENIZATION_VERSION,
    digests,
    vocabulary: bundle.vocabularySha256,
    tokenizer: { ...bundle.tokenizer },
    mapSymbols,
  });
}
