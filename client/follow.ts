import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Progress, RunTotals } from '../workflows/types.js';
import { askProgress } from './ask-progress.js';
import { readEnd } from './run-end.js';
import type { StartedRun } from './start-run.js';

const LOOK_MS = 1_000;
/** The first looks come sooner where a person watches, so that short runs show something. */
const FIRST_LOOKS_MS = 250;
const FIRST_LOOKS = 12;

export interface FollowOptions {
  readonly onProgress: (progress: Progress) => void;
  /** Called while no worker answers for the run. */
  readonly onSilence: () => Promise<void>;
  /** Stops following; the run goes on. */
  readonly signal: AbortSignal;
  /** True where what is told is drawn at once. Each look is work for server and worker. */
  readonly isWatched: boolean;
}

/** Follows a run until it ends and gives its totals; null where `signal` aborted first. */
export async function followRun(
  client: Client,
  { workflowId, runId }: StartedRun,
  options: FollowOptions,
): Promise<RunTotals | null> {
  // A long run goes on as a new workflow run of the same id: its end and progress are those of the last one.
  const handle = client.workflow.getHandle(workflowId, undefined, { firstExecutionRunId: runId });
  let last: Progress | null = null;
  const end = new AbortController();
  const result = handle.result().finally(() => end.abort());
  result.catch(() => {}); // Read below, when the loop has ended.
  const stopped = AbortSignal.any([options.signal, end.signal]);
  for (let look = 0; !stopped.aborted; look++) {
    const found = await askProgress(client, handle);
    last = found ?? last;
    if (found) options.onProgress(found);
    else if (!stopped.aborted) await options.onSilence();
    // A pause that went on beside the end would keep the process from ending.
    const pause = options.isWatched && look < FIRST_LOOKS ? FIRST_LOOKS_MS : LOOK_MS;
    await sleep(pause, undefined, { signal: stopped }).catch(() => {});
  }
  return end.signal.aborted ? readEnd(handle, result as Promise<RunTotals>, last) : null;
}
