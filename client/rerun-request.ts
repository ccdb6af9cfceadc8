import type { Client } from '@temporalio/client';
import { invalidConfig } from '../core/errors.js';
import type { MethodsMessage, RunRequest } from '../workflows/types.js';
import { readStatus } from './run-status.js';
import { requestOf } from './start-run.js';

/** The request of a closed run, narrowed to arrays that are computed again. InvalidConfig where the run is not closed. */
export async function requestToRerun(
  client: Client,
  workflowId: string,
  { methods, chunks }: MethodsMessage,
): Promise<RunRequest> {
  const { status } = await readStatus(client, workflowId);
  if (status === 'running') {
    throw invalidConfig(
      `Run ${workflowId} has not ended yet`,
      `Wait for it (obsmith status ${workflowId}) or cancel it (obsmith cancel ${workflowId}); then say it again.`,
    );
  }
  const { prepareOnly: _, ...request } = (await requestOf(client, workflowId)) as RunRequest;
  return { ...request, methods, ...(chunks ? { chunks } : {}), overwrite: true };
}
