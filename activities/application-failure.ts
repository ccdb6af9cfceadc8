import { ApplicationFailure } from '@temporalio/common';
import { isObsmithError, type ObsmithError, type Problem, withRemedy } from '../core/errors.js';

/** Details of a failure: what the client needs to show an error as it was thrown. */
export interface FailureDetails {
  readonly message: string;
  readonly remedy: string;
  readonly problems: readonly Problem[];
  /** Cells per batch that did not fit into the memory of a device. */
  readonly batchSize?: number;
}

/** How often an activity was tried. */
export interface Attempts {
  readonly attempt: number;
  /** Attempts that ended with an error of the device, with this one. */
  readonly deviceErrors: number;
}

/** A defect may be a rare race, so it gets another chance or two, but not a hundred. */
const INTERNAL_ATTEMPTS = 3;
const MOST_PROBLEMS = 100;
/** The process that a device failed in is replaced, and the device has some time to recover. */
const DEVICE_ATTEMPTS = 3;
const DEVICE_PAUSE_MS = 30_000;

/** Maps an error to the failure that crosses Temporal: same type, the remedy said in the message, retried only where that may help. */
export function toApplicationFailure(error: unknown, attempts: Attempts): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  if (!isObsmithError(error)) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    const failure = ApplicationFailure.create({
      type: 'Internal',
      message,
      nonRetryable: attempts.attempt >= INTERNAL_ATTEMPTS,
    });
    if (stack !== undefined) failure.stack = stack;
    return failure;
  }
  const { type, message, remedy, problems, batchSize } = error;
  const details: FailureDetails = {
    ...{ message, remedy, problems: problems.slice(0, MOST_PROBLEMS) },
    ...(batchSize === null ? {} : { batchSize }),
  };
  return ApplicationFailure.create({
    type,
    message: withRemedy(error),
    nonRetryable: !isRepeated(error, attempts),
    details: [details],
    ...(type === 'CudaDeviceError' ? { nextRetryDelay: DEVICE_PAUSE_MS * 2 ** (attempts.deviceErrors - 1) } : {}),
  });
}

function isRepeated({ type, retryable }: ObsmithError, { attempt, deviceErrors }: Attempts): boolean {
  if (type === 'Internal') return attempt < INTERNAL_ATTEMPTS;
  if (type === 'CudaDeviceError') return deviceErrors < DEVICE_ATTEMPTS;
  return retryable;
}
