import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Client,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import type { UpdateDefinition } from '@temporalio/common';
import { invalidConfig, ObsmithError } from '../core/errors.js';
import type { ControlAnswer, RunTotals } from '../workflows/types.js';
import { readEnd } from './run-end.js';
import { readStatus } from './run-status.js';

/** Workers answer at once; where none does, nobody should wait for long. */
const ANSWER_MS = 20_000;
const END_MS = 120_000;

/** Tells a run something and gives its answer. InvalidConfig where the run refuses it, is closed, or is not there. */
export async function steerRun<Args extends [] | [unknown]>(
  client: Client,
  workflowId: string,
  update: UpdateDefinition<ControlAnswer, Args>,
  ...args: Args
): Promise<ControlAnswer> {
  const handle = client.workflow.getHandle(workflowId);
  try {
    return await client.withDeadline(Date.now() + ANSWER_MS, () =>
      handle.executeUpdate(update as UpdateDefinition<ControlAnswer, [unknown]>, { args: args as [unknown] }),
    );
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) {
      const reason = error.cause?.message ?? error.message;
      throw invalidConfig(`Run ${workflowId} refused: ${reason}`, `See \`obsmith status ${workflowId}\`.`);
    }
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) throw noAnswer(workflowId);
    if (error instanceof WorkflowNotFoundError) await refuseClosed(client, workflowId);
    throw error;
  }
}

/** Requests the cancellation of a whole run and waits for its end: the totals say what is complete. Null where it takes longer. */
export async function cancelRun(client: Client, workflowId: string): Promise<RunTotals | null> {
  await refuseClosed(client, workflowId);
  const handle = client.workflow.getHandle(workflowId);
  await handle.cancel();
  const late = new AbortController();
  const totals = readEnd(handle, handle.result() as Promise<RunTotals>, null);
  const end = await Promise.race([totals, sleep(END_MS, null, { signal: late.signal })]);
  late.abort();
  return end;
}

async function refuseClosed(client: Client, workflowId: string): Promise<void> {
  const { status } = await readStatus(client, workflowId);
  if (status === 'running') return;
  throw invalidConfig(
    `Run ${workflowId} is closed already: it is ${status}`,
    `Compute arrays again with \`obsmith rerun ${workflowId} --method M\`.`,
  );
}

const noAnswer = (workflowId: string) =>
  new ObsmithError({
    type: 'StoreUnavailable',
    message: `Run ${workflowId} did not answer within ${ANSWER_MS / 1000} s: no worker polls its queue`,
    remedy: 'Start `obsmith worker cpu`; then say it again.',
  });
