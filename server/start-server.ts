import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ObsmithError } from '../core/errors.js';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attribute-keys.js';
import { type GuardedProcess, startGuarded } from './guarded-process.js';
import { probeServer } from './probe-server.js';

export interface ServerOptions {
  readonly binary: string;
  readonly logFile: string;
  /** Where it listens, default 127.0.0.1; its parts call each other there, so no other address of one network works. */
  readonly host?: string;
  /** Default: a free port. */
  readonly port?: number;
  /** With a port, the Web UI is served there. */
  readonly uiPort?: number;
  /** Where the Web UI listens, default `host`. */
  readonly uiHost?: string;
  /** Keeps the database in a file; default in memory. */
  readonly databaseFile?: string;
  /** Further dynamic configuration, "key=value". */
  readonly settings?: readonly string[];
}

export interface StartedServer {
  /** Pid of the process that guards it, the leader of its process group. */
  readonly pid: number;
  readonly address: string;
  readonly exited: Promise<number | null>;
  stop(): Promise<void>;
}

const READY_MS = 30_000;
const LOOK_MS = 50;
const LOOK_TIMEOUT_MS = 2_000;
/** A free port may be taken by somebody else before the server has it. */
const ATTEMPTS = 3;

/** Starts a development server which ends with this process, and waits until it answers. */
export async function startServer(options: ServerOptions): Promise<StartedServer> {
  for (let attempt = 1; ; attempt++) {
    const host = options.host ?? '127.0.0.1';
    const port = options.port ?? (await freePort(host));
    const process_ = startGuarded(commandOf(options, host, port), options.logFile, process.env);
    const address = `${host}:${port}`;
    if (await answers(address, process_)) {
      return { pid: process_.pid, address, exited: process_.exited, stop: () => process_.stop() };
    }
    await process_.stop();
    if (attempt === ATTEMPTS || options.port !== undefined) throw await startFailed(options.logFile, address);
  }
}

function commandOf(
  { binary, uiPort, uiHost, databaseFile, settings = [] }: ServerOptions,
  host: string,
  port: number,
): string[] {
  return [
    ...[binary, 'server', 'start-dev', '--ip', host, '--port', String(port), '--log-level', 'error'],
    ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort), '--ui-ip', uiHost ?? host]),
    ...(databaseFile === undefined ? [] : ['--db-filename', databaseFile]),
    ...SEARCH_ATTRIBUTES.flatMap(({ name, type }) => ['--search-attribute', `${name}=${CLI_TYPES[type]}`]),
    ...[...ONE_PARTITION, ...UNTHROTTLED_QUEUES, ...settings].flatMap((setting) => ['--dynamic-config-value', setting]),
  ];
}

/**
 * Task queues in one part each. With the usual four, a task whose part no worker asks at the moment waits for up to a
 * second, while cores are idle; four parts pay off with thousands of tasks a second only.
 */
const ONE_PARTITION = ['matching.numTaskqueueReadPartitions=1', 'matching.numTaskqueueWritePartitions=1'];

/**
 * The development server has one shard, whose queues it reads at most 20 times a second once 20 reads are used up. Each step
 * of a workflow is a read or two, so a run would go on in ticks of 50 ms. A cluster has hundreds of shards, each with a limit
 * of its own.
 */
const UNTHROTTLED_QUEUES = ['transfer', 'timer', 'visibility'].map(
  (queue) => `history.${queue}ProcessorMaxPollRPS=10000`,
);

const CLI_TYPES = { KEYWORD: 'Keyword', KEYWORD_LIST: 'KeywordList' } as const;

/** A port that is free on this host at this moment. */
export async function freePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, host, resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answers(address: string, { exited }: GuardedProcess): Promise<boolean> {
  let ended = false;
  void exited.then(() => {
    ended = true;
  });
  for (const until = performance.now() + READY_MS; performance.now() < until && !ended; await sleep(LOOK_MS)) {
    if (await isServing(address)) return true;
  }
  return false;
}

/** True where a development server answers. */
export const isServing = async (address: string): Promise<boolean> =>
  (await probeServer({ address, namespace: 'default' }, LOOK_TIMEOUT_MS)) === null;

async function startFailed(logFile: string, address: string): Promise<ObsmithError> {
  const log = await readFile(logFile, 'utf8').catch(() => '');
  return new ObsmithError({
    type: 'StoreUnavailable',
    message: `The Temporal server did not start at ${address}: ${log.trim().split('\n').slice(-5).join(' | ') || 'it said nothing'}`,
    remedy: `See ${logFile}; free the port, or use a server of your own with TEMPORAL_ADDRESS.`,
  });
}
