import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ObsmithError } from '../errors.js';
import { built } from '../package-root.js';
import type { TaskInput, TaskName, TaskOutput } from './definitions.js';
import { deserializeError, type StartMessage, type ThreadMessage } from './messages.js';

export interface RunTaskOptions {
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** A busy thread that has not noticed its cancellation after this time is terminated. */
const CANCEL_GRACE_MS = 5_000;
/** Threads are kept for the next task (their wasm memory and caches are warm), at most this many idle ones. */
const MAX_IDLE_THREADS = availableParallelism();

const idle: Worker[] = [];

/** Runs a core function in a worker thread. Rejects with an ObsmithError; type Cancelled after `signal` aborted. */
export async function runTask<N extends TaskName>(
  name: N,
  input: TaskInput<N>,
  options: RunTaskOptions = {},
): Promise<TaskOutput<N>> {
  if (options.signal?.aborted) throw cancelled();
  const thread = idle.pop() ?? startThread();
  thread.ref();
  try {
    const output = await converse(thread, name, input, options);
    release(thread);
    return output as TaskOutput<N>;
  } catch (error) {
    if (error instanceof ObsmithError && error.type !== 'Internal') release(thread);
    else await thread.terminate();
    throw error;
  }
}

/** Ends all idle threads; for a process that is shutting down. */
export async function stopIdleThreads(): Promise<void> {
  await Promise.all(idle.splice(0).map((thread) => thread.terminate()));
}

function startThread(): Worker {
  return new Worker(built('core/tasks/thread.js'));
}

function release(thread: Worker): void {
  if (thread.threadId === -1) return;
  if (idle.length >= MAX_IDLE_THREADS) {
    void thread.terminate();
    return;
  }
  thread.unref();
  idle.push(thread);
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
      finish(() => reject(internal(`thread of task ${name} failed: ${error.message}`, error)));
    const onExit = (code: number): void =>
      finish(() => reject(signal?.aborted ? cancelled() : internal(`thread of task ${name} ended with code ${code}`)));
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

function cancelled(): ObsmithError {
  return new ObsmithError({
    type: 'Cancelled',
    message: 'The task was cancelled.',
    remedy: 'Start the run again to go on from its last checkpoint.',
  });
}

function internal(message: string, cause?: unknown): ObsmithError {
  return new ObsmithError({
    type: 'Internal',
    message,
    remedy: 'The attempt is repeated; if it fails again, report it with the log.',
    cause,
  });
}
