import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { QueueWatcher } from '../server/queue-watcher.js';
import { waitingForSignal } from '../workflows/messages.js';
import type { CompanionBeat } from './companions.js';
import type { QueueWatch } from './types.js';

const LOOK_MS = 5_000;

/** Tells the workflow which workers have to be started, whenever that changes. */
export async function watchQueues(
  { queues }: QueueWatch,
  prefix: string,
  { signal, runEnd, onProgress }: CompanionBeat,
): Promise<void> {
  const { client, info } = Context.current();
  const watcher = new QueueWatcher(client.connection, client.options.namespace, prefix);
  const run = client.workflow.getHandle(info.workflowExecution!.workflowId, info.workflowExecution!.runId);
  let told = '';
  for (let looks = 1; !signal.aborted; looks++) {
    const missing = await watcher.missingWorkers(queues);
    if (missing.join() !== told) await run.signal(waitingForSignal, missing);
    told = missing.join();
    onProgress(looks, 0);
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }
  if (!runEnd.aborted) throw signal.reason;
}
