import { ApplicationFailure } from '@temporalio/common';
import { isObsmithError, type Problem, withRemedy } from '../core/errors.js';

/** Details of a failure: what the client needs to show an error as it was thrown. */
export interface FailureDetails {
  readonly message: string;
  readonly remedy: string;
  readonly problems: readonly Problem[];
}

/** A defect may be a rare race, so it gets another chance or two, but not a hundred. */
const INTERNAL_ATTEMPTS = 3;
const MOST_PROBLEMS = 100;
/** A poisoned CUDA context does not heal: the inference process is replaced first. */
const DEVICE_PAUSE_SECONDS = 30;
const LONGEST_PAUSE_SECONDS = 900;

/** Maps an error to the failure that crosses Temporal: same type, the remedy said in the message, retried only where that may help. */
export function toApplicationFailure(error: unknown, attempt: number): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  if (!isObsmithError(error)) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    const failure = ApplicationFailure.create({
      type: 'Internal',
      message,
      nonRetryable: attempt >= INTERNAL_ATTEMPTS,
    });
    if (stack !== undefined) failure.stack = stack;
    return failure;
  }
  const { type, message, remedy, problems } = error;
  const details: FailureDetails = { message, remedy, problems: problems.slice(0, MOST_PROBLEMS) };
  return ApplicationFailure.create({
    type,
    message: withRemedy(error),
    nonRetryable: type === 'Internal' ? attempt >= INTERNAL_ATTEMPTS : !error.retryable,
    details: [details],
    ...(type === 'CudaDeviceError' ? { nextRetryDelay: devicePause(attempt) } : {}),
  });
}

const devicePause = (attempt: number): number =>
  1000 * Math.min(LONGEST_PAUSE_SECONDS, DEVICE_PAUSE_SECONDS * 2 ** (attempt - 1));
