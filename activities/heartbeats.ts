import { Context } from '@temporalio/activity';
import { isObsmithError } from '../core/errors.js';
import { toApplicationFailure } from './application-failure.js';

/** Details of every heartbeat. */
export interface HeartbeatDetails {
  readonly done: number;
  readonly total: number;
  /** Errors of a device that attempts before this one ended with. */
  readonly deviceErrors?: number;
}

/**
 * Cancellation arrives with the answer to a heartbeat, so one is due this often also between two pieces of progress; the
 * worker sends as many of them as its throttle allows.
 */
const BEAT_MS = 500;
/** Work that shows no progress for this long is taken for dead: heartbeats end, and the server gives it to another attempt. */
const STALL_MS = 30 * 60_000;

export interface Beat {
  /** Aborts when the activity is cancelled, timed out, or its worker shuts down. */
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/** Runs an activity's work with heartbeats that carry its progress; errors leave as Temporal failures. */
export async function withHeartbeats<Result>(work: (beat: Beat) => Promise<Result>): Promise<Result> {
  const context = Context.current();
  const signal = context.cancellationSignal;
  const { deviceErrors = 0 } = (context.info.heartbeatDetails ?? {}) as Partial<HeartbeatDetails>;
  const before = deviceErrors === 0 ? {} : { deviceErrors };
  let details: HeartbeatDetails = { done: 0, total: 0, ...before };
  let movedAt = performance.now();
  const timer = setInterval(() => {
    if (performance.now() - movedAt < STALL_MS) context.heartbeat(details);
  }, BEAT_MS);
  const onProgress = (done: number, total: number): void => {
    details = { done, total, ...before };
    movedAt = performance.now();
    context.heartbeat(details);
  };
  try {
    return await work({ signal, onProgress });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const failed = isObsmithError(error) && error.type === 'CudaDeviceError' ? deviceErrors + 1 : deviceErrors;
    // Kept by the server for the next attempt: other reasons to try again must not count.
    if (failed > deviceErrors) context.heartbeat({ ...details, deviceErrors: failed });
    throw toApplicationFailure(error, { attempt: context.info.attempt, deviceErrors: failed });
  } finally {
    clearInterval(timer);
  }
}

/** Names this attempt of this activity and no other: what it stages is its own. */
export function attemptName(): string {
  const { workflowExecution, activityId, attempt } = Context.current().info;
  return `${workflowExecution?.runId}-${activityId}-${attempt}`;
}
