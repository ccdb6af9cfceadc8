import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { built } from '../package-root.js';
import { cancelled } from './cancelled.js';
import type { TaskName } from './definitions.js';
import type { ThreadData } from './messages.js';

/**
 * Room for the young objects of a thread. What tasks compute with lies in typed arrays outside of it, and V8 would let the
 * garbage of each thread grow to 48 MB.
 */
const YOUNG_OBJECTS_MB = 6;

/** Threads that run one kind of tasks, one task at a time each, and are kept for the next: modules, wasm memory and compiled code are warm. */
class Lane {
  #threads: number;
  readonly #idle: Worker[] = [];
  /** Tasks that wait for a thread; each takes one or leaves. */
  readonly #waiting: ((thread: Worker) => void)[] = [];
  #busy = 0;

  constructor(threads: number) {
    this.#threads = threads;
  }

  /** Threads that could be taken without a wait, beside those that others wait for. */
  get spare(): number {
    return this.#waiting.length > 0 ? 0 : Math.max(0, this.#threads - this.#busy);
  }

  resize(threads: number): void {
    this.#threads = threads;
  }

  /** Starts threads before there is work for them; they load what such tasks need. */
  startIdle(threads: number, expects: readonly TaskName[]): void {
    for (let at = 0; at < Math.min(threads, this.#threads); at++) {
      const thread = startThread(expects);
      thread.unref();
      this.#idle.push(thread);
    }
  }

  /** A thread for one task, `atOnce` however many are busy. @throws Cancelled once `signal` aborts while all threads are busy */
  async take(signal?: AbortSignal, atOnce = false): Promise<Worker> {
    if (this.#busy >= this.#threads && !atOnce) return this.#wait(signal);
    const idle = this.#idle.pop();
    this.#busy++;
    const thread = idle ?? startThread();
    thread.ref();
    return thread;
  }

  /** `usable` is false for a thread that failed: it is replaced where one is waited for. */
  async giveBack(thread: Worker, usable: boolean): Promise<void> {
    const ended = thread.threadId === -1;
    if (!usable && !ended) await thread.terminate();
    const next = this.#busy > this.#threads ? undefined : this.#waiting.shift();
    if (next) next(usable && !ended ? thread : startThread());
    else {
      this.#busy--;
      if (!usable || ended) return;
      thread.unref();
      this.#idle.push(thread);
    }
  }

  async stopIdle(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((thread) => thread.terminate()));
  }

  #wait(signal?: AbortSignal): Promise<Worker> {
    return new Promise((resolve, reject) => {
      const take = (thread: Worker): void => {
        signal?.removeEventListener('abort', leave);
        resolve(thread);
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        reject(cancelled());
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(take);
    });
  }
}

function startThread(expects: readonly TaskName[] = []): Worker {
  return new Worker(built('threads/thread.js'), {
    workerData: { expects } satisfies ThreadData,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_OBJECTS_MB },
  });
}

/** Work on whole matrices. */
const matrices = new Lane(Number.POSITIVE_INFINITY);
/** Copying inputs and publishing what was staged wait for disks most of the time, while cores compute the next arrays. */
const files = new Lane(Math.ceil(availableParallelism() / 2));
/** What takes moments never waits behind the others. */
const moments = new Lane(1);

const LANES: Partial<Record<TaskName, Lane>> = {
  stageInput: files,
  publishArray: files,
  resolveFits: moments,
  findChunks: moments,
  discardStaged: moments,
  closeChunk: moments,
};

export const laneOf = (name: TaskName): Lane => LANES[name] ?? matrices;

/** Whether such a task takes one of the threads that `boundThreads` counts. */
export const needsMatrixThread = (name: TaskName): boolean => laneOf(name) === matrices;

/** Tasks of a run's beginning and end: short, and never kept waiting by another run's matrices. */
const AT_ONCE: ReadonlySet<TaskName> = new Set(['planRun', 'finalize']);

/** A thread for a task; `giveBack` to its lane afterwards. */
export const takeThread = (name: TaskName, signal?: AbortSignal): Promise<Worker> =>
  laneOf(name).take(signal, AT_ONCE.has(name));

/** How many threads work on matrices at a time; without it as many as there are tasks. */
export const boundThreads = (threads: number): void => matrices.resize(threads);

/** Threads for matrices that are started early at most: they would take cores from each other, and from who starts them. */
const EARLY_THREADS = 4;
const MATRIX_TASKS = ['scanChunk', 'openChunk', 'embedChunk'] as const;
const ROUND_TASKS = ['accumulateRound', 'mergeRound', 'solveRound'] as const;

/** Bounds the threads for matrices, and starts threads for all kinds of tasks: they load their code while nothing is to be computed yet. */
export function startThreads(threads: number): void {
  boundThreads(threads);
  matrices.startIdle(EARLY_THREADS, ['planRun', ...MATRIX_TASKS, ...ROUND_TASKS, 'finalize']);
  files.startIdle(1, ['stageInput', 'publishArray']);
  moments.startIdle(1, ['resolveFits', 'closeChunk']);
}

/** Ends all idle threads; for a process that is shutting down. */
export async function stopIdleThreads(): Promise<void> {
  await Promise.all([matrices, files, moments].map((lane) => lane.stopIdle()));
}
