import type { ChunkReference } from '../dataset/types.js';
import { invalidConfig } from '../errors.js';
import { loadPlannedModel } from '../inference/planned-model.js';
import type { PlannedMethod } from '../plan/types.js';
import type { PrepareOutcome } from '../tasks/definitions.js';
import type { TaskContext } from '../tasks/types.js';
import { prepareTokens } from '../tokenization/prepare-tokens.js';

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
export async function prepareChunk(
  { base, dataset, chunk, method }: PrepareRequest,
  context: TaskContext,
): Promise<PrepareOutcome> {
  const startedAt = performance.now();
  const bundle = method.model ? await loadPlannedModel(method.model, base) : null;
  if (bundle?.kind !== 'geneformer') {
    throw invalidConfig(`Method ${method.method} needs no preparation`, 'Leave it out of what is prepared.');
  }
  const { map_symbols } = method.options as { map_symbols: boolean };
  const { computed, cells, report } = await prepareTokens(
    { base, dataset, chunk, bundle, mapSymbols: map_symbols },
    context,
  );
  return { computed, cells, report, seconds: (performance.now() - startedAt) / 1000 };
}
