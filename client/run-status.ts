import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { invalidConfig, isObsmithError } from '../core/errors.js';
import type { Progress, RunTotals } from '../workflows/types.js';
import { askProgress } from './ask-progress.js';
import { readEnd } from './run-end.js';

/** The document of `status --json`. */
export interface RunStatus {
  readonly workflowId: string;
  readonly runId: string;
  /** As Temporal says it, in lower case: running, completed, failed, canceled, terminated... */
  readonly status: string;
  /** Null while no worker is there to answer. */
  readonly progress: Progress | null;
  /** What a closed run left behind; null for one that runs, and where it ended before it could. */
  readonly totals: Omit<RunTotals, 'base' | 'plan'> | null;
}

/** State of a run, closed or not. InvalidConfig where there is no such workflow. */
export async function readStatus(client: Client, workflowId: string): Promise<RunStatus> {
  const handle = client.workflow.getHandle(workflowId);
  try {
    const { runId, status } = await handle.describe();
    const closed = status.name !== 'RUNNING';
    const [progress, totals] = await Promise.all([
      askProgress(client, handle),
      closed ? totalsOf(client, workflowId, runId) : null,
    ]);
    return { workflowId, runId, status: status.name.toLowerCase(), progress, totals };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    throw invalidConfig(
      `There is no workflow ${workflowId} in namespace ${client.options.namespace}`,
      'Ids are embed-<dataset> unless --workflow-id named another; the Temporal UI lists them.',
    );
  }
}

async function totalsOf(client: Client, workflowId: string, runId: string): Promise<RunStatus['totals']> {
  const handle = client.workflow.getHandle<() => Promise<RunTotals>>(workflowId, runId);
  try {
    const { base: _, plan: __, ...totals } = await readEnd(handle, handle.result(), null);
    return totals;
  } catch (error) {
    // Refused, terminated or timed out: nothing was added up.
    if (isObsmithError(error)) return null;
    throw error;
  }
}
