import { type ChildProcess, fork } from 'node:child_process';
import { isObsmithError, type ObsmithError } from '../errors.js';
import { type Device, deviceOf } from '../inference/device.js';
import { deviceError, deviceFailed } from '../inference/device-error.js';
import { built } from '../package-root.js';
import { cancelled } from './cancelled.js';
import { ended } from './ended.js';
import { deserializeError, type ProcessMessage, type TaskMessage } from './messages.js';
import type { RunTask, RunTaskOptions } from './run-task.js';

/** A process whose task has not noticed its cancellation after this time is killed: its thread may be inside the driver. */
const CANCEL_GRACE_MS = 5_000;
/** What a process said last, e.g. why the CUDA provider aborted it. */
const LAST_WORDS = 2_000;
/** Ends of processes in native code, where the driver, cuDNN or the provider gave up. */
const CRASHES: ReadonlySet<NodeJS.Signals> = new Set(['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGTRAP']);

const idle: TaskProcess[] = [];

/**
 * Runs a task as `runTask` does, but in a process of its own, for sessions on GPUs: a CUDA context belongs to its process
 * and does not heal. So after an error of the device, or without memory on it, the process is ended, and the next attempt
 * gets a new one. Processes are kept for the next task, with their models on the device. They end with this process,
 * whatever ends it.
 */
export const runInProcess: RunTask = async (name, input, options = {}) => {
  if (options.signal?.aborted) throw cancelled();
  const host = takeIdle() ?? new TaskProcess();
  try {
    const output = await host.converse({ kind: 'start', name, input }, options);
    host.rest();
    idle.push(host);
    return output as never;
  } catch (error) {
    if (isLost(error)) await stopIdleProcesses(); // They share the device.
    if (host.alive && isObsmithError(error) && !isLost(error) && error.type !== 'Internal') {
      host.rest();
      idle.push(host);
    } else await host.end();
    throw error;
  }
};

/** Ends all idle processes; for a process that is shutting down. */
export async function stopIdleProcesses(): Promise<void> {
  await Promise.all(idle.splice(0).map((host) => host.end()));
}

/** One that has not ended meanwhile. */
function takeIdle(): TaskProcess | undefined {
  for (let host = idle.pop(); host !== undefined; host = idle.pop()) if (host.alive) return host;
  return undefined;
}

const isLost = (error: unknown): boolean =>
  isObsmithError(error) && (error.type === 'CudaDeviceError' || error.type === 'CudaOutOfMemory');

/** A child process that runs one task at a time. */
class TaskProcess {
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  #lastWords = '';

  constructor() {
    this.#child = fork(built('core/tasks/process.js'), {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      process.stderr.write(text);
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS);
    });
    this.#closed = new Promise((resolve) => this.#child.on('close', () => resolve()));
  }

  get alive(): boolean {
    return this.#child.connected && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Does not keep this process from ending. */
  rest(): void {
    this.#child.unref();
    this.#child.channel?.unref();
  }

  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  converse(task: ProcessMessage, { onProgress, signal }: RunTaskOptions): Promise<unknown> {
    const child = this.#child;
    child.ref();
    child.channel?.ref();
    this.#lastWords = '';
    return new Promise((resolve, reject) => {
      let killer: NodeJS.Timeout | undefined;
      const onMessage = (message: TaskMessage): void => {
        if (message.kind === 'progress') onProgress?.(message.done, message.total);
        else if (message.kind === 'done') finish(() => resolve(message.output));
        else finish(() => reject(deserializeError(message.error)));
      };
      const onError = (error: Error): void =>
        finish(() => reject(ended(`The inference process failed: ${error.message}`, error)));
      // Not 'exit': then the last words may be on their way.
      const onClose = (code: number | null, by: NodeJS.Signals | null): void =>
        finish(() => reject(signal?.aborted ? cancelled() : this.#endError(code, by)));
      const onAbort = (): void => {
        killer = setTimeout(() => child.kill('SIGKILL'), CANCEL_GRACE_MS);
        if (child.connected) child.send({ kind: 'cancel' } satisfies ProcessMessage);
      };
      const finish = (settle: () => void): void => {
        clearTimeout(killer);
        child.off('message', onMessage).off('error', onError).off('close', onClose);
        signal?.removeEventListener('abort', onAbort);
        settle();
      };
      child.on('message', onMessage).on('error', onError).on('close', onClose);
      signal?.addEventListener('abort', onAbort, { once: true });
      child.send(task);
    });
  }

  /** Why it ended without an answer: as its last words say, else by the signal. */
  #endError(code: number | null, by: NodeJS.Signals | null): ObsmithError {
    const device: Device = deviceOf('gpu', process.env);
    const words = this.#lastWords.trim();
    const named = words === '' ? null : deviceError(device, words.split('\n').reverse().join('\n'));
    const end = `the inference process ended with ${by ?? `code ${code}`}${words === '' ? '' : `: ${words.slice(-300)}`}`;
    if (by !== null && CRASHES.has(by)) return named ?? deviceFailed(device, end);
    return ended(`${end[0]!.toUpperCase()}${end.slice(1)}`);
  }
}
