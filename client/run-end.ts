import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { FailureDetails } from '../activities/application-failure.js';
import { asRefusal, type ErrorType, ObsmithError } from '../core/errors.js';
import type { Progress, RunTotals } from '../workflows/types.js';

/** The totals that a closed run left behind, whether it went well or not. Runs that never began are thrown as their error. */
export async function readEnd(
  handle: WorkflowHandle,
  result: Promise<RunTotals>,
  last: Progress | null,
): Promise<RunTotals> {
  try {
    return await result;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (cause instanceof CancelledFailure) return cancelledTotals(handle, last);
    if (cause instanceof ApplicationFailure && cause.type === 'RunFailed') return cause.details?.[0] as RunTotals;
    throw cause instanceof ApplicationFailure ? asRefusal(thrownBy(cause)) : ended(handle, cause);
  }
}

/** A cancelled workflow has no result: its totals stand in the memo, its failures in the last progress. */
async function cancelledTotals(handle: WorkflowHandle, last: Progress | null): Promise<RunTotals> {
  const totals = (await handle.describe()).memo?.totals as RunTotals | undefined;
  if (totals) return { ...totals, failures: last?.failures ?? [] };
  throw new ObsmithError({
    type: 'Cancelled',
    message: `Run ${handle.workflowId} was cancelled before anything was planned`,
    remedy: 'Start it again when you like.',
  });
}

/** The error that was thrown in an activity, with its remedy and problems. */
function thrownBy(failure: ApplicationFailure): ObsmithError {
  const details = failure.details?.[0] as FailureDetails | undefined;
  return new ObsmithError({
    type: (failure.type ?? 'Internal') as ErrorType,
    message: details?.message ?? failure.message,
    remedy: details?.remedy ?? 'See the history of the workflow in the Temporal UI.',
    problems: details?.problems ?? [],
    cause: failure,
  });
}

function ended(handle: WorkflowHandle, cause: Error | undefined): ObsmithError {
  return new ObsmithError({
    type: 'Internal',
    message: `Run ${handle.workflowId} ended: ${cause?.message ?? 'for an unknown reason'}`,
    remedy: 'Start it again: it goes on from what is published and staged.',
    cause,
  });
}
