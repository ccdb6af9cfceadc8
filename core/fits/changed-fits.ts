import { join } from 'node:path';
import { invalidInput, withRemedy } from '../errors.js';
import { type LoadedPlan, loadPlannedChunk } from '../plan/load-plan.js';
import type { Refusal } from '../plan/open-chunk.js';
import type { PlannedMethod } from '../plan/types.js';
import { fitOfArray } from './array-fit.js';
import { fitExists } from './fit-store.js';

type FitIds = Readonly<Record<string, string>>;

const MOST_NAMES = 5;

/**
 * Fitted methods that this run must not compute, because it would leave arrays behind that stand on another fit: those of
 * named chunks whose fit is not the one of the other chunks any more, and fits that changed while the run went on.
 * `before` is what the run decided earlier.
 */
export async function changedFits(loaded: LoadedPlan, fits: FitIds, before: FitIds | null): Promise<Refusal[]> {
  const { base, plan } = loaded;
  const refused: Refusal[] = [];
  for (const method of plan.methods.filter(({ fitRounds }) => fitRounds.length > 0)) {
    const [now, earlier] = [fits[method.method]!, before?.[method.method]];
    if (earlier !== undefined && earlier !== now && (await fitExists(base, earlier))) {
      refused.push(refusal(method, 'The arrays of this run', 'Let the run end, and start it anew on all chunks.'));
      continue;
    }
    const keeps = plan.onStale === 'keep' && !method.overwrite;
    const left = keeps ? [] : await arraysOfAnotherFit(loaded, method, now);
    if (left.length === 0) continue;
    const more = left.length > MOST_NAMES ? ` and ${left.length - MOST_NAMES} more` : '';
    const arrays = `X_${method.method} of ${left.slice(0, MOST_NAMES).join(', ')}${more}`;
    refused.push(
      refusal(
        method,
        arrays,
        `Run ${method.method} on all chunks (without --chunk), or keep their fit with on_stale: keep.`,
      ),
    );
  }
  return refused;
}

function refusal({ method }: PlannedMethod, arrays: string, remedy: string): Refusal {
  const message = `${arrays} stand on another fit than ${method} has now, because what it is fitted on has changed`;
  const error = invalidInput(message, remedy);
  return { method, type: error.type, message: withRemedy(error) };
}

/** Chunks outside of a scoped run whose arrays have another fit. */
async function arraysOfAnotherFit(loaded: LoadedPlan, { method }: PlannedMethod, fit: string): Promise<string[]> {
  const { base, plan } = loaded;
  const names: string[] = [];
  for (let index = plan.chunkCount; index < plan.datasetChunkCount; index++) {
    const { name, output } = await loadPlannedChunk(loaded, index);
    const found = await fitOfArray(join(base, output), `X_${method}`);
    if (found !== null && found.fit !== fit) names.push(name);
  }
  return names;
}
