import type { Client, WorkflowHandle } from '@temporalio/client';
import { progressQuery } from '../workflows/messages.js';
import type { Progress } from '../workflows/types.js';

/** A worker answers at once; without one, the server itself would wait for three times as long. */
const ANSWER_MS = 5_000;

/** How far a run is, as a worker says it; null where none answers. */
export async function askProgress(client: Client, handle: WorkflowHandle): Promise<Progress | null> {
  try {
    return await client.withDeadline(Date.now() + ANSWER_MS, () => handle.query(progressQuery));
  } catch {
    return null;
  }
}
