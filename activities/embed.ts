import { log } from '@temporalio/activity';
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
      if (report.warning) log.warn(String(report.warning), { method: input.method, chunk: input.chunk });
      return { attempt, cells, seconds, blocksComputed, blocksResumed, ...(batchSize ? { batchSize } : {}) };
    },
  };
}
