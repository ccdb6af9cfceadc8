import type { Worker } from 'node:worker_threads';
import { ObsmithError } from '../errors.js';
import { cancelled } from './cancelled.js';
import type { TaskInput, TaskName, TaskOutput } from './definitions.js';
import { ended } from './ended.js';
import { deserializeError, type StartMessage, type ThreadMessage } from './messages.js';
import { laneOf } from './thread-lanes.js';

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
  const lane = laneOf(name);
  const thread = await lane.take(options.signal);
  let usable = true;
  try {
    return (await converse(thread, name, input, options)) as TaskOutput<N>;
  } catch (error) {
    usable = error instanceof ObsmithError && error.type !== 'Internal';
    throw error;
  } finally {
    await lane.giveBack(thread, usable);
  }
}

function converse(
  thread: Worker,
  name: TaskName,
  input: unknown,
  { onProgress, signal }: RunTaskOptions,
): Promise<unknown> {
  const cancelFlag = new SharedArrayBuffer(4);
  return new Promise((resolve, reject) => {
    let killer: NodeJS.Timeout | undefined;
    const onMessage = (message: ThreadMessage): void => {
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
    signal?.addEventListener('abort', onAbort, { once: true });
    thread.postMessage({ name, input, cancelFlag } satisfies StartMessage);
  });
}
