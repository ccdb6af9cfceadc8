import { randomUUID } from 'node:crypto';
import type { Client, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import type { RunRequest, RunTotals } from '../../workflows/types.js';
import { type MockRun, withMockWorkers } from './mock-run.js';
import type { TestServer } from './server.js';

/** Runs embedDataset with mock activities; `during` sees the handle while it runs. */
export async function playRun(
  server: TestServer,
  run: MockRun,
  during?: (handle: WorkflowHandleWithFirstExecutionRunId) => Promise<void>,
  request: RunRequest = { config: 'conf/x.yaml' },
): Promise<{ handle: WorkflowHandleWithFirstExecutionRunId; result: Promise<RunTotals> }> {
  const prefix = `${randomUUID().slice(0, 8)}-`;
  return withMockWorkers(server.connection, prefix, run, async () => {
    const handle = await start(server.client, prefix, request);
    await during?.(handle);
    const result = handle.result() as Promise<RunTotals>;
    await result.catch(() => {});
    return { handle, result };
  });
}

const start = (client: Client, prefix: string, request: RunRequest): Promise<WorkflowHandleWithFirstExecutionRunId> =>
  client.workflow.start('embedDataset', {
    taskQueue: `${prefix}obsmith`,
    workflowId: `${prefix}run`,
    args: [request],
  });

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 15_000; !(await condition()); await pause(20)) {
    if (Date.now() > end) throw new Error('the condition did not come true within 15 s');
  }
}
