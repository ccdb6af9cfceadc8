import { join } from 'node:path';
import type { ChunkReference } from '../dataset/types.js';
import { invalidConfig, invalidInput } from '../errors.js';
import { loadPlannedVocabulary } from '../inference/planned-model.js';
import { findMethod } from '../methods/registry.js';
import type { PlannedMethod } from '../plan/types.js';
import type { PrepareOutcome } from '../tasks/definitions.js';
import type { TaskContext } from '../tasks/types.js';
import { type PreparedTokens, prepareTokens, tokenNaming } from '../tokenization/prepare-tokens.js';
import { openTokenFile, type TokenFile } from '../tokenization/token-file.js';

export interface PrepareRequest {
  /** Absolute base folder. */
  readonly base: string;
  readonly dataset: string;
  readonly chunk: Pick<ChunkReference, 'name' | 'input'>;
  readonly method: PlannedMethod;
}

/**
 * Prepares a chunk for one method, on a machine without a GPU: tokens for models of geneformer. Nothing is written to the
 * outputs. InvalidConfig for a method that needs no preparation.
 */
export async function prepareChunk(request: PrepareRequest, context: TaskContext): Promise<PrepareOutcome> {
  const startedAt = performance.now();
  const { method } = request.method;
  if (findMethod(method).preparation === undefined) {
    throw invalidConfig(`Method ${method} needs no preparation`, 'Leave it out of what is prepared.');
  }
  const { computed, cells, report } = await prepare(request, context);
  return { computed, cells, report, seconds: (performance.now() - startedAt) / 1000 };
}

/** Opens what a method embeds instead of the chunk itself; made now where it is not there (any more). Null where it needs none. */
export async function openPrepared(request: PrepareRequest, context: TaskContext): Promise<TokenFile | null> {
  if (findMethod(request.method.method).preparation === undefined) return null;
  const { file } = await prepare(request, context);
  const tokens = await openTokenFile(join(request.base, file));
  if (tokens) return tokens;
  throw invalidInput(`Prepared tokens disappeared: ${file}`, 'Start the run again: the chunk is tokenized anew.');
}

async function prepare(
  { base, dataset, chunk, method }: PrepareRequest,
  context: TaskContext,
): Promise<PreparedTokens> {
  const bundle = await loadPlannedVocabulary(method.model!, base);
  return prepareTokens({ ...tokenNaming(dataset, method), base, chunk, bundle }, context);
}
