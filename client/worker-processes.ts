import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkerKind } from '../activities/types.js';
import { ObsmithError } from '../core/errors.js';
import { built } from '../core/package-root.js';
import { type GuardedProcess, startGuarded } from '../server/guarded-process.js';

/**
 * How glibc gives memory to workers. Threads would each get arenas of their own, and once a large buffer was freed the next
 * ones would be cut from them, so that freed memory never goes back to the system: this way every buffer of 256 KiB and
 * more is a mapping that ends with it. Other systems do not look at these variables.
 */
const ALLOCATOR: NodeJS.ProcessEnv = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: String(256 * 1024) };
/** Megabytes of half the room for young objects: V8 would let the garbage of messages and workflows grow to 48 MB in each of two threads. */
const YOUNG_OBJECTS = '--max-semi-space-size=2';
/** A worker that ends by itself is started again this often; the work goes on from its checkpoints. */
const RESTARTS = 3;
/** Activities get their own grace, and then the process ends itself. */
const STOP_MS = 90_000;

/** Worker processes that end with this process, one per kind at most; their logs go to files. */
export class WorkerProcesses {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #logFolder: string;
  readonly #processes = new Map<WorkerKind, GuardedProcess>();
  #stopping = false;
  #reportLoss!: (error: ObsmithError) => void;
  /** Rejects when a worker keeps ending. */
  readonly lost: Promise<never>;

  constructor(environment: NodeJS.ProcessEnv, logFolder: string) {
    this.#environment = { ...ALLOCATOR, ...environment };
    this.#logFolder = logFolder;
    this.lost = new Promise((_, reject) => {
      this.#reportLoss = reject;
    });
    this.lost.catch(() => {});
  }

  /** Starts a worker of this kind unless there is one. */
  start(kind: WorkerKind): void {
    if (!this.has(kind)) this.#launch(kind, 0);
  }

  has(kind: WorkerKind): boolean {
    return this.#processes.has(kind);
  }

  /** Pids of the processes that guard the workers; the workers are their children. */
  get pids(): number[] {
    return [...this.#processes.values()].map(({ pid }) => pid);
  }

  logFile(kind: WorkerKind): string {
    return join(this.#logFolder, `worker-${kind}.log`);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([...this.#processes.values()].map((worker) => worker.stop(STOP_MS)));
  }

  #launch(kind: WorkerKind, restarts: number): void {
    const command = [process.execPath, YOUNG_OBJECTS, built('scripts/obsmith.js'), 'worker', kind];
    const worker = startGuarded(command, this.logFile(kind), this.#environment);
    this.#processes.set(kind, worker);
    void worker.exited.then(async (code) => {
      if (this.#stopping) return;
      if (restarts < RESTARTS) this.#launch(kind, restarts + 1);
      else this.#reportLoss(await this.#lostError(kind, code));
    });
  }

  async #lostError(kind: WorkerKind, code: number | null): Promise<ObsmithError> {
    const log = await readFile(this.logFile(kind), 'utf8').catch(() => '');
    return new ObsmithError({
      type: 'Internal',
      message: `obsmith worker ${kind} ended ${RESTARTS + 1} times (last exit code ${code}): ${log.trim().split('\n').slice(-3).join(' | ')}`,
      remedy: `See ${this.logFile(kind)}. Code 137 means that memory ran out: lower the worker's --concurrency.`,
    });
  }
}
