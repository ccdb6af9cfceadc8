import { loadClientConnectConfig } from '@temporalio/envconfig';
import { ObsmithError } from '../core/errors.js';
import { type RecordedServer, recordedServer } from './server-file.js';

export const DEFAULT_ADDRESS = '127.0.0.1:7233';

/** A server that runs already. */
export interface FoundServer {
  readonly address: string;
  readonly namespace: string;
  /** True where TEMPORAL_ADDRESS or the Temporal configuration file names it. */
  readonly configured: boolean;
}

/** Looks whether a server answers; replaced in tests. */
export type Probe = (address: string) => Promise<boolean>;

/** Base folders whose `.obsmith/server.json` a command looks at: the one it knows, BASE_FILE_PATH, the working directory. */
export function baseFolders(env: NodeJS.ProcessEnv, cwd: string, known?: string): string[] {
  return [known, env.BASE_FILE_PATH, cwd].filter((folder) => folder !== undefined && folder !== '') as string[];
}

/**
 * The configured server, else the one recorded in a base folder, else one on the default port, else null. A configured or
 * recorded server that does not answer is an error: a run started elsewhere would not meet the workers.
 */
export async function findServer(
  env: NodeJS.ProcessEnv,
  probe: Probe,
  bases: readonly string[],
): Promise<FoundServer | null> {
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig({ overrideEnvVars: definedOf(env) });
  const { address } = connectionOptions;
  if (address !== undefined) {
    if (await probe(address)) return { address, namespace, configured: true };
    throw noAnswer(
      `No Temporal server answers at ${address} (namespace ${namespace}), which TEMPORAL_ADDRESS or the Temporal configuration file names`,
      'Start it, correct the address, or unset TEMPORAL_ADDRESS so that a server is started for the run.',
    );
  }
  const recorded = await recordedServer(bases);
  if (recorded !== null) {
    if (await probe(recorded.address)) return { address: recorded.address, namespace, configured: false };
    throw recordedIsGone(recorded);
  }
  return (await probe(DEFAULT_ADDRESS)) ? { address: DEFAULT_ADDRESS, namespace, configured: false } : null;
}

/** Address that a worker connects to by what is configured or recorded, without looking whether anything answers there. */
export async function workerAddress(env: NodeJS.ProcessEnv, bases: readonly string[]): Promise<string> {
  const { connectionOptions } = loadClientConnectConfig({ overrideEnvVars: definedOf(env) });
  return connectionOptions.address ?? (await recordedServer(bases))?.address ?? DEFAULT_ADDRESS;
}

const noAnswer = (message: string, remedy: string): ObsmithError =>
  new ObsmithError({ type: 'StoreUnavailable', message, remedy });

const recordedIsGone = ({ address, host, started, file }: RecordedServer): ObsmithError =>
  noAnswer(
    `No Temporal server answers at ${address}, which \`obsmith dev\` on ${host} wrote to ${file} at ${started}`,
    `Start it again there; or, where it is gone for good, remove the record: rm ${file}`,
  );

function definedOf(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
