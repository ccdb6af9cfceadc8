import type { FinalizeInput } from './finalize.js';
import type { MethodOutcome } from './journal.js';

/**
 * What a chunk counts as at the end of a run. A person who cancels a method gives it up, so the other methods decide;
 * where the whole run was cancelled, a chunk is through only if it has all that nobody gave up.
 */
export function chunkState(
  outcomes: ReadonlyMap<string, Pick<MethodOutcome, 'state'>>,
  { cancelled, cancelledMethods = [] }: Pick<FinalizeInput, 'cancelled' | 'cancelledMethods'>,
): 'completed' | 'failed' | 'skipped' | 'cancelled' {
  const isGivenUp = (method: string): boolean => !cancelled || cancelledMethods.includes(method);
  const states = [...outcomes]
    .filter(([method, { state }]) => state !== 'cancelled' || !isGivenUp(method))
    .map(([, { state }]) => state);
  if (states.includes('failed')) return 'failed';
  if (states.length === 0 || states.includes('cancelled')) return 'cancelled';
  return states.includes('computed') ? 'completed' : 'skipped';
}
