import type { Worker } from 'node:worker_threads';
import { ObsmithError } from '../errors.js';
import { cancelled } from './cancelled.js';
import type { TaskInput, TaskName, TaskOutput } from './definitions.js';
import { ended } from './ended.js';
import { deserializeError, type StartMessage, type ThreadMessage } from './messages.js';
import { laneOf, needsMatrixThread, takeThread } from './thread-lanes.js';
import { threadless } from './threadless.js';

export interface RunTaskOptions {
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** How activities run a task: in a thread of this process (`runTask`), or in a process of its own (`runInProcess`). */
export type RunTask = <N extends TaskName>(
  name: N,
  input: TaskInput<N>,
  options?: RunTaskOptions,
) => Promise<TaskOutput<N>>;

/** A busy thread that has not noticed its cancellation after this time is terminated. */
const CANCEL_GRACE_MS = 5_000;
/** How often work that waits for a thread says so. */
const ALIVE_MS = 60_000;

/**
 * Runs a core function in a worker thread, in turn where its lane has no thread to spare. Rejects with an ObsmithError; type
 * Cancelled after `signal` aborted.
 */
export async function runTask<N extends TaskName>(
  name: N,
  input: TaskInput<N>,
  options: RunTaskOptions = {},
): Promise<TaskOutput<N>> {
  if (options.signal?.aborted) throw cancelled();
  const thread = await whileWaiting(takeThread(name, options.signal), options);
  const task = converse(thread, name, [{ input, options }])[0]!;
  return needsMatrixThread(name) ? task : threadless.during(task);
}

export interface RunTaskMember<N extends TaskName> {
  readonly input: TaskInput<N>;
  readonly options: RunTaskOptions;
}

/**
 * Runs tasks of one name together in a thread that was taken for them; each has its own end. The thread goes back to its
 * lane after the last one.
 */
export function converse<N extends TaskName>(
  thread: Worker,
  name: N,
  members: readonly RunTaskMember<N>[],
): Promise<TaskOutput<N>>[] {
  // Each member listens to the thread.
  thread.setMaxListeners(10 + members.length);
  const flags = members.map(() => new SharedArrayBuffer(4));
  const ends = members.map(({ options }, member) => endOf(thread, name, member, flags[member]!, options));
  thread.postMessage({
    name,
    members: members.map(({ input }, member) => ({ input, cancelFlag: flags[member]! })),
  } satisfies StartMessage);
  const givenBack = Promise.allSettled(ends).then((settled) => {
    const usable = settled.every((end) => end.status === 'fulfilled' || isKnown(end.reason));
    return laneOf(name).giveBack(thread, usable);
  });
  // The last one to end leaves the thread free.
  let left = members.length;
  return ends.map(async (end) => {
    try {
      return (await end) as TaskOutput<N>;
    } finally {
      left--;
      if (left === 0) await givenBack;
    }
  });
}

const isKnown = (error: unknown): boolean => error instanceof ObsmithError && error.type !== 'Internal';

/** Reports progress while work waits for its beginning, so that it does not look dead. */
export async function whileWaiting<Begun>(waiting: Promise<Begun>, { onProgress }: RunTaskOptions): Promise<Begun> {
  const timer = setInterval(() => onProgress?.(0, 0), ALIVE_MS);
  try {
    return await waiting;
  } finally {
    clearInterval(timer);
  }
}

function endOf(
  thread: Worker,
  name: TaskName,
  member: number,
  cancelFlag: SharedArrayBuffer,
  { onProgress, signal }: RunTaskOptions,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let killer: NodeJS.Timeout | undefined;
    const onMessage = (message: ThreadMessage): void => {
      if (message.member !== member) return;
      if (message.kind === 'progress') onProgress?.(message.done, message.total);
      else if (message.kind === 'done') finish(() => resolve(message.output));
      else finish(() => reject(deserializeError(message.error)));
    };
    const onError = (error: Error): void =>
      finish(() => reject(ended(`thread of task ${name} failed: ${error.message}`, error)));
    const onExit = (code: number): void =>
      finish(() => reject(signal?.aborted ? cancelled() : ended(`thread of task ${name} ended with code ${code}`)));
    const onAbort = (): void => {
      Atomics.store(new Int32Array(cancelFlag), 0, 1);
      killer = setTimeout(() => void thread.terminate(), CANCEL_GRACE_MS);
    };
    // Taken off one by one: removeAllListeners also cuts the port's own wiring, and a reused thread would fall silent.
    const finish = (settle: () => void): void => {
      clearTimeout(killer);
      thread.off('message', onMessage).off('error', onError).off('exit', onExit);
      signal?.removeEventListener('abort', onAbort);
      settle();
    };
    thread.on('message', onMessage).on('error', onError).on('exit', onExit);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
