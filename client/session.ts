import { join } from 'node:path';
import type { WorkerKind } from '../activities/types.js';
import { OBSMITH_FOLDER } from '../core/dataset/layout.js';
import { invalidConfig, ObsmithError } from '../core/errors.js';
import { binarySources } from '../server/binary-sources.js';
import { embeddedEnvironment, type ServerSettings } from '../server/connection-settings.js';
import { findBinary } from '../server/find-binary.js';
import { baseFolders, findServer } from '../server/find-server.js';
import { probeServer } from '../server/probe-server.js';
import { describeQueue } from '../server/queue-watcher.js';
import { queueNames, queuePrefix } from '../server/queues.js';
import { type StartedServer, startServer } from '../server/start-server.js';
import { type ConnectedClient, connectTo } from './connect.js';
import { WorkerProcesses } from './worker-processes.js';

export interface SessionOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Base folder of the data set: logs go to `<folder>/.obsmith/logs`. */
  readonly folder: string;
  /** False forbids starting workers on a server that runs already. */
  readonly startWorkers: boolean;
  /** False refuses where no server runs already. */
  readonly mayEmbed: boolean;
  readonly say: (line: string) => void;
}

/** A server with the workers that a run needs: those that run already, or embedded ones that end with this process. */
export interface Session extends ConnectedClient {
  /** True where the server was started for this session and ends with it. */
  readonly embedded: boolean;
  readonly workers: WorkerProcesses;
  /** Rejects when an embedded server or a started worker ends for good. */
  readonly lost: Promise<never>;
  /** Starts the worker that a run says it waits for, where that is allowed. */
  startWorker(kind: WorkerKind): void;
  /** Starts a CPU worker where there is none, as long as that is allowed: without one no run can say anything. */
  findWorker(): Promise<void>;
}

/** Finds the server or embeds one, and sees to it that workflows and CPU work have a worker. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const logFolder = join(options.folder, OBSMITH_FOLDER, 'logs');
  const found = await findServer(options.env, probeServer, baseFolders(options.env, options.cwd, options.folder));
  if (found) return joinServer(found.settings, logFolder, options);
  if (!options.mayEmbed) {
    throw invalidConfig(
      '--detach needs a server that stays, and none is running',
      'Start one with `obsmith dev`, or set TEMPORAL_ADDRESS.',
    );
  }
  return embedServer(logFolder, options);
}

async function embedServer(logFolder: string, options: SessionOptions): Promise<Session> {
  const { path } = await findBinary(binarySources(options.env), options.say);
  const server = await startServer({ binary: path, logFile: join(logFolder, 'temporal.log') });
  const env = embeddedEnvironment(options.env, server.address);
  const workers = new WorkerProcesses({ ...env, OBSMITH_EMBEDDED_IN: String(process.pid) }, logFolder);
  workers.start('cpu');
  const connected = await connectTo({ address: server.address, namespace: 'default' });
  const lost = Promise.race([workers.lost, serverLost(server, join(logFolder, 'temporal.log'))]);
  lost.catch(() => {}); // It also rejects when the session is closed.
  return {
    ...connected,
    embedded: true,
    workers,
    lost,
    startWorker: (kind) => workers.start(kind),
    async findWorker() {},
    close: () => closeAll(connected, workers, server),
  };
}

async function joinServer(settings: ServerSettings, logFolder: string, options: SessionOptions): Promise<Session> {
  const { address } = settings;
  const connected = await connectTo(settings);
  const workers = new WorkerProcesses({ ...options.env, TEMPORAL_ADDRESS: address }, logFolder);
  const queues = queueNames(queuePrefix(options.env));
  const told = new Set<WorkerKind>();
  const startWorker = (kind: WorkerKind): void => {
    if (told.has(kind)) return;
    told.add(kind);
    const what = options.startWorkers ? 'starting' : 'the run waits for';
    options.say(`No worker polls ${queues[kind]} on ${address}; ${what} \`obsmith worker ${kind}\`.`);
    if (options.startWorkers) workers.start(kind);
  };
  const findWorker = async (): Promise<void> => {
    const { client, namespace } = connected;
    const { polled } = await describeQueue(client.connection, namespace, queuePrefix(options.env), 'cpu');
    if (!polled) startWorker('cpu');
  };
  await findWorker();
  return {
    ...connected,
    embedded: false,
    workers,
    lost: workers.lost,
    startWorker,
    findWorker,
    close: () => closeAll(connected, workers, null),
  };
}

async function serverLost({ exited }: StartedServer, logFile: string): Promise<never> {
  const code = await exited;
  throw new ObsmithError({
    type: 'StoreUnavailable',
    message: `The Temporal server of this run ended with code ${code}`,
    remedy: `See ${logFile}. Start the run again: it goes on from what is published and staged.`,
  });
}

/** Workers first: they tell the server what they did. */
async function closeAll(
  connected: ConnectedClient,
  workers: WorkerProcesses,
  server: StartedServer | null,
): Promise<void> {
  await workers.stop();
  await connected.close();
  await server?.stop();
}
