import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } from '@temporalio/client';
import { ObsmithError } from '../core/errors.js';
import type { ServerSettings } from '../server/connection-settings.js';
import { baseFolders, findServer } from '../server/find-server.js';
import { probeServer } from '../server/probe-server.js';

/** A client on a server that runs, and where that is. */
export interface ConnectedClient {
  readonly client: Client;
  readonly address: string;
  readonly namespace: string;
  close(): Promise<void>;
}

/** Connects with the credentials of its settings. */
export async function connectTo({ namespace, ...settings }: ServerSettings): Promise<ConnectedClient> {
  const retries = new ClosableRetries();
  const interceptors = [makeGrpcRetryInterceptor(retries.options)];
  const connection = await Connection.connect({ ...settings, interceptors });
  const close = async (): Promise<void> => {
    await retries.end();
    await connection.close();
  };
  return { client: new Client({ connection, namespace }), address: settings.address, namespace, close };
}

/** The SDK's retries, which throw from a timer where a connection is closed while one of them is due: these can be ended first. */
class ClosableRetries {
  readonly #defaults = defaultGrpcRetryOptions();
  #ended = false;
  #dueAt = 0;

  readonly options: ReturnType<typeof defaultGrpcRetryOptions> = {
    retryableDecider: (attempt, status) => !this.#ended && this.#defaults.retryableDecider(attempt, status),
    delayFunction: (attempt, status) => {
      const delay = Math.min(LONGEST_RETRY_MS, this.#defaults.delayFunction(attempt, status));
      this.#dueAt = Math.max(this.#dueAt, performance.now() + delay);
      return delay;
    },
  };

  async end(): Promise<void> {
    this.#ended = true;
    await sleep(Math.max(0, this.#dueAt - performance.now() + SETTLE_MS));
  }
}

const LONGEST_RETRY_MS = 1_000;
/** For a retry that was just sent to come back. */
const SETTLE_MS = 20;

/** Where a command was typed. */
export interface CommandPlace {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

/** The running server, for commands that talk to a run of it; an error where there is none. */
export async function connectToRunning({ env, cwd }: CommandPlace): Promise<ConnectedClient> {
  const found = await findServer(env, probeServer, baseFolders(env, cwd));
  if (found) return connectTo(found.settings);
  throw new ObsmithError({
    type: 'StoreUnavailable',
    message:
      'No Temporal server is running on the default port, and neither TEMPORAL_ADDRESS nor a base folder names one',
    remedy:
      'Start one with `obsmith dev`, set TEMPORAL_ADDRESS, or set BASE_FILE_PATH to a base folder that a server serves.',
  });
}
