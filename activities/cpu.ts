import { loadPlan } from '../core/plan/load-plan.js';
import { runJoined } from '../core/tasks/embed-joined.js';
import { runTask } from '../core/tasks/run-task.js';
import { embedActivities, warned } from './embed.js';
import { withHeartbeats } from './heartbeats.js';
import { run } from './run.js';
import { runOnce } from './run-once.js';
import type { CpuActivities } from './types.js';

/** What workers of the queue `obsmith-cpu` do. */
export const cpuActivities: CpuActivities = {
  ...embedActivities(runJoined),
  openChunk: (input) =>
    withHeartbeats(async (beat) => {
      // A scan that fails refuses methods: the task below finds that out for itself.
      await runOnce('scanChunk', input, beat).catch(() => {});
      return runTask('openChunk', input, beat);
    }),
  scanFitChunk: ({ position, ...location }) =>
    withHeartbeats(async (beat) => {
      const { plan } = await loadPlan(location);
      await runOnce('scanChunk', { ...location, chunk: plan.fitChunks[position]! }, beat);
    }),
  accumulateRound: async (input) => void (await run('accumulateRound', input)),
  mergeRound: async (input) => void (await run('mergeRound', input)),
  solveRound: async (input) => void (await run('solveRound', input)),
  async prepareChunk(input) {
    const { cells, seconds, computed, report } = await run('prepareChunk', input);
    return { cells, seconds, computed, ...warned(report, input) };
  },
  stageInput: (input) => withHeartbeats((beat) => runOnce('stageInput', input, beat)),
};
