import { log } from '@temporalio/activity';
import type { Json } from '../core/methods/types.js';
import { type RunTask, runTask } from '../core/tasks/run-task.js';
import { attemptName, withHeartbeats } from './heartbeats.js';
import type { EmbedActivities } from './types.js';

/** What workers of both embedding queues do; `run` says where. */
export function embedActivities(run: RunTask = runTask): EmbedActivities {
  return {
    async embedMethod(input) {
      const attempt = attemptName();
      const outcome = await withHeartbeats((beat) => run('embedChunk', { ...input, attempt }, beat));
      const { cells, seconds, blocksComputed, blocksResumed, batchSize, report } = outcome;
      const done = { attempt, cells, seconds, blocksComputed, blocksResumed, ...(batchSize ? { batchSize } : {}) };
      return { ...done, ...warned(report, input) };
    },
  };
}

/** The warning of a report, which also goes into the worker's log. */
export function warned(
  { warning }: Readonly<Record<string, Json>>,
  { method, chunk }: { readonly method: string; readonly chunk: number },
): { warning?: string } {
  if (typeof warning !== 'string') return {};
  log.warn(warning, { method, chunk });
  return { warning };
}
