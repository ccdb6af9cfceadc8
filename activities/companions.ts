import { Context } from '@temporalio/activity';
import type { Beat } from './heartbeats.js';

/** What ends the companions of runs that are at work in this process, by run id. */
const running = new Map<string, Set<AbortController>>();

/** How a companion learns of its end. */
export interface CompanionBeat extends Beat {
  /** Aborts when the run has ended; `signal` does, too, with the answer to a later heartbeat. */
  readonly runEnd: AbortSignal;
}

/** Runs an activity that lasts as long as its run. It ends well when it returns after `runEnd`. */
export async function accompany(beat: Beat, work: (beat: CompanionBeat) => Promise<void>): Promise<void> {
  const key = runIdOfContext();
  const end = new AbortController();
  const ends = running.get(key) ?? new Set();
  running.set(key, ends.add(end));
  try {
    await work({ ...beat, runEnd: end.signal, signal: AbortSignal.any([beat.signal, end.signal]) });
  } finally {
    ends.delete(end);
    if (ends.size === 0) running.delete(key);
  }
}

/** Ends the companions of the run that this activity belongs to, as far as they are in this process. */
export function endCompanions(): void {
  for (const end of running.get(runIdOfContext()) ?? []) end.abort();
}

const runIdOfContext = (): string => Context.current().info.workflowExecution!.runId;
