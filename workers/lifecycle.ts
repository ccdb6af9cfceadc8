import type { Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { stopIdleThreads } from '../core/tasks/thread-lanes.js';

/** When a worker process ends by itself. */
export interface WorkerEnd {
  /** Aborts on the first Ctrl-C, SIGTERM, or the end of the process that embeds this one. */
  readonly signal: AbortSignal;
  /** Ends after so long without an activity. */
  readonly exitWhenIdleMs?: number;
  /** Takes nothing new from then on. */
  readonly stopAt?: Date;
  /** Called when one of these ends has come. */
  readonly onStop?: () => void;
}

/** Activities that still run after this are told to stop; they go on from their checkpoints elsewhere. */
export const SHUTDOWN_GRACE = '4s';
/** What still does not stop then is left to its heartbeat timeout. */
export const SHUTDOWN_FORCE = '20s';

const IDLE_LOOK_MS = 1_000;

/** Runs workers side by side until one of the ends comes, then drains them. */
export async function runWorkers(workers: readonly Worker[], end: WorkerEnd, logger: Logger): Promise<void> {
  const stop = (reason: string): void => {
    end.onStop?.();
    for (const worker of workers) {
      if (worker.getState() !== 'RUNNING') continue;
      logger.info({ taskQueue: worker.options.taskQueue }, `worker stops: ${reason}`);
      worker.shutdown();
    }
  };
  const timers = [
    ...stopTimer(end.stopAt, () => stop('its time is over')),
    ...idleTimer(workers, end.exitWhenIdleMs, () => stop('idle')),
  ];
  const onAbort = (): void => stop('asked to');
  end.signal.addEventListener('abort', onAbort);
  try {
    const running = workers.map((worker) => worker.run());
    if (end.signal.aborted) onAbort();
    // One that fails takes the others with it: half a worker would let work wait for ever.
    for (const run of running) run.catch(() => stop('another worker failed'));
    await Promise.all(running);
  } finally {
    for (const timer of timers) clearInterval(timer);
    end.signal.removeEventListener('abort', onAbort);
    await stopIdleThreads();
  }
}

/** setTimeout holds at most 24.8 days, so the clock is looked at instead. */
function stopTimer(stopAt: Date | undefined, stop: () => void): NodeJS.Timeout[] {
  if (stopAt === undefined) return [];
  return [setInterval(() => Date.now() >= stopAt.getTime() && stop(), IDLE_LOOK_MS)];
}

function idleTimer(workers: readonly Worker[], idleMs: number | undefined, stop: () => void): NodeJS.Timeout[] {
  if (idleMs === undefined) return [];
  let busyAt = performance.now();
  const look = (): void => {
    if (workers.some((worker) => worker.getStatus().numInFlightActivities > 0)) busyAt = performance.now();
    if (performance.now() - busyAt >= idleMs) stop();
  };
  return [setInterval(look, IDLE_LOOK_MS)];
}
