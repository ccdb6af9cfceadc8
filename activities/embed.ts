import { attemptName } from './heartbeats.js';
import { run } from './run.js';
import type { EmbedActivities } from './types.js';

/** What workers of both embedding queues do. */
export const embedActivities: EmbedActivities = {
  async embedMethod(input) {
    const attempt = attemptName();
    const { cells, seconds, blocksComputed, blocksResumed } = await run('embedChunk', { ...input, attempt });
    return { attempt, cells, seconds, blocksComputed, blocksResumed };
  },
};
