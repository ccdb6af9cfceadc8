import { Context } from '@temporalio/activity';
import { acquireLease, type LeaseOwner } from '../core/dataset/lease.js';
import { loadPlan } from '../core/plan/load-plan.js';
import { accompany, endCompanions } from './companions.js';
import { type Beat, withHeartbeats } from './heartbeats.js';
import { holdLease } from './hold-lease.js';
import { run } from './run.js';
import type { LightActivities } from './types.js';
import { watchQueues } from './watch-queues.js';

/** What a worker knows about itself and its server. */
export interface WorkerIdentity {
  /** Address and namespace of the Temporal server. */
  readonly server: string;
  /** Process whose end ends all runs of this worker (an embedded server's), or null. */
  readonly pid: number | null;
  readonly searchAttributes: boolean;
  readonly queuePrefix: string;
  /** Aborts when the worker begins to shut down, before its activities are told to stop. */
  readonly shutdown: AbortSignal;
}

/** What workers of the queue `obsmith` do. */
export function lightActivities(identity: WorkerIdentity): LightActivities {
  const owner = (): LeaseOwner => ({
    owner: Context.current().info.workflowExecution!.workflowId,
    server: identity.server,
    pid: identity.pid,
  });
  /** What lasts as long as the run is handed to another worker at once: nothing of it could be finished here. */
  const untilShutdown = (beat: Beat): Beat => ({ ...beat, signal: AbortSignal.any([beat.signal, identity.shutdown]) });
  return {
    async planRun(request) {
      const { workflowId, runId } = Context.current().info.workflowExecution!;
      const plan = await run('planRun', { request, folder: process.cwd(), run: { workflowId, runId } });
      return { ...plan, searchAttributes: identity.searchAttributes };
    },
    acquireLease: (input) =>
      withHeartbeats(async () => {
        const { base } = await loadPlan(input);
        await acquireLease(base, input.dataset, owner());
      }),
    holdLease: (input) =>
      withHeartbeats((beat) => accompany(untilShutdown(beat), (own) => holdLease(input, owner(), own))),
    watchQueues: (input) =>
      withHeartbeats((beat) => accompany(untilShutdown(beat), (own) => watchQueues(input, identity.queuePrefix, own))),
    endCompanions: async () => endCompanions(),
    resolveFits: (input) => run('resolveFits', input),
    publishArray: (input) => run('publishArray', input),
    findChunks: (input) => run('findChunks', input),
    discardStaged: async (input) => void (await run('discardStaged', input)),
    closeChunk: (input) => run('closeChunk', input),
    finalizeRun: (input) => run('finalize', input),
  };
}
