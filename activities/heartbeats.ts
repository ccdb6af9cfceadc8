import { Context } from '@temporalio/activity';
import { toApplicationFailure } from './application-failure.js';

/** Details of every heartbeat. */
export interface HeartbeatDetails {
  readonly done: number;
  readonly total: number;
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
  let details: HeartbeatDetails = { done: 0, total: 0 };
  let movedAt = performance.now();
  const timer = setInterval(() => {
    if (performance.now() - movedAt < STALL_MS) context.heartbeat(details);
  }, BEAT_MS);
  const onProgress = (done: number, total: number): void => {
    details = { done, total };
    movedAt = performance.now();
    context.heartbeat(details);
  };
  try {
    return await work({ signal, onProgress });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw toApplicationFailure(error, context.info.attempt);
  } finally {
    clearInterval(timer);
  }
}

/** Names this attempt of this activity and no other: what it stages is its own. */
export function attemptName(): string {
  const { workflowExecution, activityId, attempt } = Context.current().info;
  return `${workflowExecution?.runId}-${activityId}-${attempt}`;
}
