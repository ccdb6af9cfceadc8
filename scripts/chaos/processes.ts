import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { built } from '../../core/package-root.js';
import { type GuardedProcess, startGuarded } from '../../server/guarded-process.js';
import { freePort, type StartedServer, startServer } from '../../server/start-server.js';

const HOST = '127.0.0.1';
const RESTART_MS = 100;

/** Worker processes, each started again whenever it ends. */
export class WorkerPool {
  readonly #env: NodeJS.ProcessEnv;
  readonly #logFolder: string;
  readonly #workers: GuardedProcess[] = [];
  #stopping = false;

  constructor(size: number, env: NodeJS.ProcessEnv, logFolder: string) {
    this.#env = env;
    this.#logFolder = logFolder;
    for (let index = 0; index < size; index++) this.#launch(index);
  }

  /** kill -9 of one of them; `chance` in [0, 1) says which. */
  kill(chance: number): void {
    killGroup(this.#workers[Math.floor(chance * this.#workers.length)]!.pid);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#workers.map((worker) => worker.stop()));
  }

  #launch(index: number): void {
    const command = [process.execPath, built('scripts/obsmith.js'), 'worker', 'cpu', '--concurrency', '2'];
    const worker = startGuarded(command, join(this.#logFolder, `worker-${index}.log`), this.#env);
    this.#workers[index] = worker;
    void worker.exited.then(async () => {
      await sleep(RESTART_MS);
      if (!this.#stopping) this.#launch(index);
    });
  }
}

interface ServerPlace {
  readonly binary: string;
  readonly logFile: string;
  readonly databaseFile: string;
  readonly host: string;
  readonly port: number;
}

/** A development server with its database in a file, which comes back on the same port. */
export class PersistentServer {
  readonly #place: ServerPlace;
  #server: StartedServer;

  private constructor(place: ServerPlace, server: StartedServer) {
    this.#place = place;
    this.#server = server;
  }

  static async start(binary: string, folder: string): Promise<PersistentServer> {
    const place = {
      binary,
      logFile: join(folder, 'temporal.log'),
      databaseFile: join(folder, 'temporal.db'),
      host: HOST,
      port: await freePort(HOST),
    };
    return new PersistentServer(place, await startServer(place));
  }

  get address(): string {
    return this.#server.address;
  }

  /** kill -9, and a new start on the same database and port. */
  async killAndRestart(): Promise<void> {
    killGroup(this.#server.pid);
    await this.#server.exited;
    this.#server = await startServer(this.#place);
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}

/** Guarded processes lead a process group each. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
