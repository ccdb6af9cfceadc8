import type { ConnectionLike } from '@temporalio/client';
import type { WorkerKind } from '../activities/types.js';
import { queueNames } from './queues.js';

/** TASK_QUEUE_TYPE_ACTIVITY of the API. */
const ACTIVITY = 2;
/**
 * A worker whose places are all taken does not poll, and the server forgets pollers after five minutes. So a worker that
 * was seen counts as busy, not as gone, for longer than most activities take.
 */
const BELIEVED_MS = 30 * 60_000;

/** Finds queues on which tasks wait for a worker that is not there. */
export class QueueWatcher {
  readonly #connection: ConnectionLike;
  readonly #namespace: string;
  readonly #prefix: string;
  readonly #seenAt = new Map<WorkerKind, number>();

  constructor(connection: ConnectionLike, namespace: string, prefix: string) {
    this.#connection = connection;
    this.#namespace = namespace;
    this.#prefix = prefix;
  }

  /** What to start for tasks that wait, e.g. ["obsmith worker gpu"]. */
  async missingWorkers(queues: readonly WorkerKind[]): Promise<string[]> {
    const missing: string[] = [];
    for (const kind of queues) {
      const { polled, backlog } = await describeQueue(
        this.#connection,
        this.#namespace,
        queueNames(this.#prefix)[kind],
      );
      if (polled) this.#seenAt.set(kind, Date.now());
      const seenAt = this.#seenAt.get(kind) ?? Number.NEGATIVE_INFINITY;
      if (backlog && Date.now() - seenAt > BELIEVED_MS) missing.push(`obsmith worker ${kind}`);
    }
    return missing;
  }
}

/** Whether anybody polled an activity queue in the last minutes, and whether tasks wait on it. */
export async function describeQueue(
  connection: ConnectionLike,
  namespace: string,
  queue: string,
): Promise<{ polled: boolean; backlog: boolean }> {
  const answer = await connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: queue },
    taskQueueType: ACTIVITY,
    reportStats: true,
  });
  return { polled: answer.pollers.length > 0, backlog: Number(answer.stats?.approximateBacklogCount ?? 0) > 0 };
}
