import { hostname } from 'node:os';
import type { ConnectionLike } from '@temporalio/client';
import type { WorkerKind } from '../activities/types.js';
import { isRunning } from '../core/machine/process-running.js';
import { queueNames } from './queues.js';

/** TASK_QUEUE_TYPE_WORKFLOW and TASK_QUEUE_TYPE_ACTIVITY of the API. */
const WORKFLOW = 1;
const ACTIVITY = 2;
/** A poll that finds nothing comes back after a minute, and is repeated at once. */
const LONGEST_POLL_MS = 75_000;
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
      const { polled, backlog } = await describeQueue(this.#connection, this.#namespace, this.#prefix, kind);
      if (polled) this.#seenAt.set(kind, Date.now());
      const seenAt = this.#seenAt.get(kind) ?? Number.NEGATIVE_INFINITY;
      if (backlog && Date.now() - seenAt > BELIEVED_MS) missing.push(`obsmith worker ${kind}`);
    }
    return missing;
  }
}

/**
 * Whether there is a worker for a queue, and whether tasks wait on it. A CPU worker is seen by its polling for workflows,
 * which it never stops; a worker that is gone is known by its process on this machine, or by not having polled lately.
 */
export async function describeQueue(
  connection: ConnectionLike,
  namespace: string,
  prefix: string,
  kind: WorkerKind,
): Promise<{ polled: boolean; backlog: boolean }> {
  const names = queueNames(prefix);
  const describe = (queue: string, taskQueueType: number) =>
    connection.workflowService.describeTaskQueue({
      ...{ namespace, taskQueue: { name: queue }, taskQueueType, reportStats: true },
    });
  const { pollers, stats } = await describe(names[kind], ACTIVITY);
  const lasting = kind === 'cpu' ? (await describe(names.workflows, WORKFLOW)).pollers : pollers;
  const silentMs = kind === 'cpu' ? LONGEST_POLL_MS : Number.POSITIVE_INFINITY;
  return {
    polled: lasting.some((poller) => isThere(poller, silentMs)),
    backlog: Number(stats?.approximateBacklogCount ?? 0) > 0,
  };
}

interface Poller {
  readonly identity?: string | null;
  readonly lastAccessTime?: { readonly seconds?: unknown } | null;
}

/** The SDK names workers `<pid>@<host>`. */
export function isThere({ identity, lastAccessTime }: Poller, silentMs: number, now = Date.now()): boolean {
  const [, pid, host] = /^(\d+)@(.*)$/.exec(identity ?? '') ?? [];
  if (pid !== undefined && host === hostname() && !isRunning(Number(pid))) return false;
  return now - Number(lastAccessTime?.seconds ?? 0) * 1000 <= silentMs;
}
