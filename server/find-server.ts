import { loadClientConnectConfig } from '@temporalio/envconfig';
import { ObsmithError } from '../core/errors.js';

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

/** The configured server, else one on the default port, else null. A configured server that does not answer is an error. */
export async function findServer(env: NodeJS.ProcessEnv, probe: Probe): Promise<FoundServer | null> {
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig({ overrideEnvVars: definedOf(env) });
  const { address } = connectionOptions;
  if (address === undefined)
    return (await probe(DEFAULT_ADDRESS)) ? { address: DEFAULT_ADDRESS, namespace, configured: false } : null;
  if (await probe(address)) return { address, namespace, configured: true };
  throw new ObsmithError({
    type: 'StoreUnavailable',
    message: `No Temporal server answers at ${address} (namespace ${namespace}), which TEMPORAL_ADDRESS or the Temporal configuration file names`,
    remedy: 'Start it, correct the address, or unset TEMPORAL_ADDRESS so that a server is started for the run.',
  });
}

function definedOf(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
