import { log } from '@temporalio/activity';
import { attemptName } from './heartbeats.js';
import { run } from './run.js';
import type { EmbedActivities } from './types.js';

/** What workers of both embedding queues do. */
export const embedActivities: EmbedActivities = {
  async embedMethod(input) {
    const attempt = attemptName();
    const outcome = await run('embedChunk', { ...input, attempt });
    const { cells, seconds, blocksComputed, blocksResumed, report } = outcome;
    if (report.warning) log.warn(String(report.warning), { method: input.method, chunk: input.chunk });
    return { attempt, cells, seconds, blocksComputed, blocksResumed };
  },
};
