import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { invalidConfig } from '../core/errors.js';
import { progressQuery } from '../workflows/messages.js';
import type { Progress } from '../workflows/types.js';

/** The document of `status --json`. */
export interface RunStatus {
  readonly workflowId: string;
  readonly runId: string;
  /** As Temporal says it, in lower case: running, completed, failed, canceled, terminated... */
  readonly status: string;
  /** Null while no worker is there to answer. */
  readonly progress: Progress | null;
}

/** State of a run, closed or not. InvalidConfig where there is no such workflow. */
export async function readStatus(client: Client, workflowId: string): Promise<RunStatus> {
  const handle = client.workflow.getHandle(workflowId);
  try {
    const { runId, status } = await handle.describe();
    const progress = await handle.query(progressQuery).catch(() => null);
    return { workflowId, runId, status: status.name.toLowerCase(), progress };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    throw invalidConfig(
      `There is no workflow ${workflowId} in namespace ${client.options.namespace}`,
      'Ids are embed-<dataset> unless --workflow-id named another; the Temporal UI lists them.',
    );
  }
}
