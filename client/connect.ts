import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { ObsmithError } from '../core/errors.js';
import { findServer } from '../server/find-server.js';
import { isServing } from '../server/start-server.js';

/** A client on a server that runs, and where that is. */
export interface ConnectedClient {
  readonly client: Client;
  readonly address: string;
  readonly namespace: string;
  close(): Promise<void>;
}

/** Connects with the credentials of TEMPORAL_* variables and the Temporal configuration file. */
export async function connectTo(address: string, env: NodeJS.ProcessEnv): Promise<ConnectedClient> {
  const overrideEnvVars = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig({ overrideEnvVars });
  const { tls, apiKey, metadata } = connectionOptions;
  const connection = await Connection.connect({
    address,
    ...(tls === undefined ? {} : { tls }),
    ...(typeof apiKey === 'string' ? { apiKey } : {}),
    ...(metadata === undefined ? {} : { metadata }),
  });
  const client = new Client({ connection, namespace });
  return { client, address, namespace, close: () => connection.close() };
}

/** The running server, for commands that talk to a run of it; an error where there is none. */
export async function connectToRunning(env: NodeJS.ProcessEnv): Promise<ConnectedClient> {
  const found = await findServer(env, isServing);
  if (found) return connectTo(found.address, env);
  throw new ObsmithError({
    type: 'StoreUnavailable',
    message: 'No Temporal server is running on the default port, and TEMPORAL_ADDRESS is not set',
    remedy: 'Start one with `obsmith dev`, or set TEMPORAL_ADDRESS.',
  });
}
