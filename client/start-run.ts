import { isDeepStrictEqual } from 'node:util';
import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowHandleWithFirstExecutionRunId,
} from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { ObsmithError } from '../core/errors.js';
import type { embedDataset } from '../workflows/embed-dataset.js';
import type { RunRequest } from '../workflows/types.js';

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
}

/** Starts a run. The same request under the same id joins the one that runs; another request is refused (LeaseHeld). */
export async function startRun(client: Client, { workflowId, taskQueue, request }: RunStart): Promise<StartedRun> {
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
    return join(client, workflowId, request);
  }
}

async function join(client: Client, workflowId: string, request: RunRequest): Promise<StartedRun> {
  const running = await requestOf(client, workflowId);
  const { runId } = await client.workflow.getHandle(workflowId).describe();
  if (isDeepStrictEqual(running, request)) return { workflowId, runId, joined: true };
  throw new ObsmithError({
    type: 'LeaseHeld',
    message: `Workflow ${workflowId} is running already, with another request: ${JSON.stringify(running)}`,
    remedy: `Wait for it (obsmith status ${workflowId}) or cancel it (obsmith cancel ${workflowId}).`,
  });
}

/** The request that a workflow was started with: its first event holds it. */
export async function requestOf(client: Client, workflowId: string): Promise<unknown> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId },
    maximumPageSize: 1,
  });
  const payload = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
  return payload ? defaultPayloadConverter.fromPayload(payload) : undefined;
}
