import { isDeepStrictEqual } from 'node:util';
import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowHandleWithFirstExecutionRunId,
} from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { ResolvedConfig } from '../core/config/types.js';
import { ObsmithError } from '../core/errors.js';
import type { RunIdentity } from '../core/plan/types.js';
import type { embedDataset } from '../workflows/embed-dataset.js';
import type { RunRequest } from '../workflows/types.js';
import { runsAlike } from './runs-alike.js';

export interface StartedRun {
  readonly workflowId: string;
  readonly runId: string;
  /** True where the same request was running already. */
  readonly joined: boolean;
}

export interface RunStart {
  readonly workflowId: string;
  readonly taskQueue: string;
  readonly request: RunRequest;
  /** What the request's configuration resolves to here; without it, only a request of the same letters is the same. */
  readonly config?: ResolvedConfig;
}

/** Starts a run. The same request under the same id joins the one that runs; another request is refused (LeaseHeld). */
export async function startRun(client: Client, start: RunStart): Promise<StartedRun> {
  const { workflowId, taskQueue, request } = start;
  try {
    const handle: WorkflowHandleWithFirstExecutionRunId<typeof embedDataset> = await client.workflow.start(
      'embedDataset',
      {
        workflowId,
        taskQueue,
        args: [request],
        workflowIdConflictPolicy: 'FAIL',
        staticSummary: `embed ${request.config}`,
      },
    );
    return { workflowId, runId: handle.firstExecutionRunId, joined: false };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return join(client, start);
  }
}

async function join(client: Client, { workflowId, request, config }: RunStart): Promise<StartedRun> {
  const running = await startOf(client, workflowId);
  const { runId } = await client.workflow.getHandle(workflowId).describe();
  const isSame =
    isDeepStrictEqual(running.request, request) ||
    (config !== undefined && (await runsAlike(running, request, config)));
  if (isSame) return { workflowId, runId, joined: true };
  throw new ObsmithError({
    type: 'LeaseHeld',
    message: `Workflow ${workflowId} is running already, with another request: ${JSON.stringify(running.request)}`,
    remedy: `Wait for it (obsmith status ${workflowId}) or cancel it (obsmith cancel ${workflowId}).`,
  });
}

/** The request that a workflow was started with. */
export const requestOf = async (client: Client, workflowId: string): Promise<unknown> =>
  (await startOf(client, workflowId)).request;

/** The request of a workflow and the run that planned it: its first event holds both. */
async function startOf(client: Client, workflowId: string): Promise<{ request: unknown; run: RunIdentity }> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId },
    maximumPageSize: 1,
  });
  const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
  const payload = started?.input?.payloads?.[0];
  return {
    request: payload ? defaultPayloadConverter.fromPayload(payload) : undefined,
    run: { workflowId, runId: started?.firstExecutionRunId ?? '' },
  };
}
