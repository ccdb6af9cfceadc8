import { type Context, log } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { FailureRecord, RunOutcome } from '../core/dataset/finalize.js';
import type { ChunkOutcome } from '../core/dataset/journal.js';
import { ERRORS_LOG } from '../core/dataset/run-logs.js';
import { type ErrorLine, writeRunSummary } from '../core/dataset/run-summary.js';
import { loadPlan } from '../core/plan/load-plan.js';
import type { PlanLocation } from '../core/tasks/definitions.js';
import type { ActivityMeters } from './meters.js';
import { NO_SUBJECT, type Subject, subjectOf } from './subject.js';
import { PLACE_FIELD, type WorkerLog } from './worker-log.js';

/** Logs every activity with what it is about, measures it, and keeps the run's log folder. */
export const observeActivities =
  (workerLog: WorkerLog, meters: ActivityMeters): ActivityInterceptorsFactory =>
  (context) => {
    let subject = NO_SUBJECT;
    const { activityType } = context.info;
    return {
      outbound: {
        getLogAttributes: (input, next) => ({ ...next(input), ...fieldsOf(subject) }),
      },
      inbound: {
        async execute(input, next) {
          const [argument] = input.args;
          subject = await subjectOf(activityType, argument);
          const started = performance.now();
          const measure = (outcome: string): number => {
            const seconds = (performance.now() - started) / 1000;
            meters.activity.record(seconds, { activity: activityType, outcome });
            return round(seconds);
          };
          log.info('started');
          try {
            const result = await next(input);
            if (activityType === 'planRun') subject = await subjectOf(activityType, planned(result));
            log.info('done', { seconds: measure('done'), ...numbersOf(result) });
            count(meters, subject, result);
            if (activityType === 'closeChunk') closeChunk(workerLog, meters, subject, argument as Closing);
            if (activityType === 'finalizeRun')
              await summarize(workerLog, argument as PlanLocation, result as RunOutcome);
            return result;
          } catch (error) {
            const type = failureType(error, context);
            const seconds = measure(type === null ? 'stopped' : 'failed');
            if (type === null) log.info(stoppedBecause(context), { seconds });
            else meters.failedAttempts.add(1, { activity: activityType, type });
            throw error;
          }
        },
      },
    };
  };

const fieldsOf = ({ chunk, method, log: place }: Subject): Record<string, unknown> => ({
  ...(chunk === undefined ? {} : { chunk }),
  ...(method === undefined ? {} : { method }),
  ...(place === null ? {} : { [PLACE_FIELD]: place }),
});

const round = (seconds: number): number => Math.round(seconds * 1000) / 1000;

/** Counts and names in a result: what a reader of the log wants to know of it. */
function numbersOf(result: unknown): Record<string, unknown> {
  if (result === null || typeof result !== 'object' || Array.isArray(result)) return {};
  const entries = Object.entries(result).filter(([name]) => !LOGGED_ALREADY.has(name));
  return Object.fromEntries(entries.filter(([, value]) => ['number', 'string', 'boolean'].includes(typeof value)));
}

/** `seconds` of a result is the embedding alone. */
const LOGGED_ALREADY = new Set(['name', 'attempt', 'seconds']);

/** The plan that planRun has made: where its own line goes. */
function planned(result: unknown): PlanLocation {
  const { base, plan } = result as PlanLocation;
  return { base, plan };
}

interface Embedded {
  readonly cells: number;
  readonly seconds: number;
  readonly blocksComputed: number;
}

function count(meters: ActivityMeters, { method = '' }: Subject, result: unknown): void {
  const { cells, seconds, blocksComputed } = (result ?? {}) as Partial<Embedded>;
  const { bytes, digest } = (result ?? {}) as { bytes?: number; digest?: string };
  if (blocksComputed !== undefined) {
    meters.cells.add(cells ?? 0, { method });
    meters.embedding.record(seconds ?? 0, { method });
  }
  if (digest !== undefined && bytes !== undefined) meters.bytes.add(bytes, { method });
}

/** The stable type of an error; null where the attempt was only told to stop. */
function failureType(error: unknown, { cancellationSignal }: Context): string | null {
  if (error instanceof CancelledFailure && cancellationSignal.aborted) return null;
  if (error instanceof ApplicationFailure) return error.category === 'BENIGN' ? null : (error.type ?? 'Internal');
  return 'Internal';
}

function stoppedBecause({ cancellationDetails }: Context): string {
  if (cancellationDetails?.cancelRequested) return 'cancelled';
  if (cancellationDetails?.timedOut) return 'timed out: another attempt has taken over';
  return 'handed back: this worker shuts down';
}

interface Closing {
  readonly outcome: ChunkOutcome;
}

/** Counts what failed on a chunk, and notes the first error: outcomes stand in the order in which methods ended. */
function closeChunk({ files }: WorkerLog, meters: ActivityMeters, { chunk = '', log: place }: Subject, input: Closing) {
  const failures: FailureRecord[] = [];
  for (const [method, { state, type = 'Internal', message = '' }] of Object.entries(input.outcome)) {
    if (state !== 'failed') continue;
    failures.push({ chunk, method, type, message });
    meters.failures.add(1, { method, type });
  }
  if (place === null || failures[0] === undefined) return;
  const line: ErrorLine = { time: new Date().toISOString(), ...failures[0] };
  files.append(place.folder, ERRORS_LOG, `${JSON.stringify(line)}\n`);
}

async function summarize({ files, logger }: WorkerLog, location: PlanLocation, outcome: RunOutcome): Promise<void> {
  try {
    await files.flush();
    await writeRunSummary(await loadPlan(location), outcome);
  } catch (error) {
    logger.warn({ error }, 'The summary of the run cannot be written to its folder of logs');
  }
}
