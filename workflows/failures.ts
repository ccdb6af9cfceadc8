import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure, TimeoutFailure } from '@temporalio/workflow';
import type { ErrorSummary } from './types.js';

/** Keeps payloads and histories small; the whole message stands in the activity's own failure. */
const LONGEST_MESSAGE = 1000;

/** Unwraps what Temporal put around an error: its stable type, and its message with the remedy. */
export function summarizeError(error: unknown): ErrorSummary {
  const cause = rootCause(error);
  const type = cause instanceof ApplicationFailure ? (cause.type ?? 'Internal') : 'Internal';
  return { type, message: messageOf(cause, error).slice(0, LONGEST_MESSAGE) };
}

/** The failure that a workflow ends with, without the wrappers, so that people see type, message and details at once. */
export function unwrapFailure(error: unknown): unknown {
  const cause = rootCause(error);
  return cause instanceof ApplicationFailure ? cause : error;
}

function rootCause(error: unknown): unknown {
  const wrapped = error instanceof ActivityFailure || error instanceof ChildWorkflowFailure;
  return wrapped && error.cause ? rootCause(error.cause) : error;
}

function messageOf(cause: unknown, error: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (!(cause instanceof TimeoutFailure) || !(error instanceof ActivityFailure)) return cause.message;
  const last = cause.cause ? `; the last attempt failed with: ${cause.cause.message}` : '';
  return `${error.activityType} timed out (${cause.timeoutType})${last}`;
}
