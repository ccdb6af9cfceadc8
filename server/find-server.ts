import { ObsmithError, type Problem } from '../core/errors.js';
import { connectionSettings, type ServerSettings } from './connection-settings.js';
import { type RecordedServer, recordedServer } from './server-file.js';

export const DEFAULT_ADDRESS = '127.0.0.1:7233';

/** A server that runs already. */
export interface FoundServer {
  readonly settings: ServerSettings;
  /** True where TEMPORAL_ADDRESS or the Temporal configuration file names it. */
  readonly configured: boolean;
}

/** What is wrong with a server, or null; replaced in tests. */
export type Probe = (settings: ServerSettings) => Promise<Problem | null>;

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
  const settings = connectionSettings(env);
  if (settings.address !== null) {
    const configured = { ...settings, address: settings.address };
    const problem = await probe(configured);
    if (problem === null) return { settings: configured, configured: true };
    const { message, remedy } = problem;
    const otherwise = 'Or unset TEMPORAL_ADDRESS: a server is then started for the run.';
    throw serverProblem({ message, remedy: `${remedy} ${otherwise}` });
  }
  const recorded = await recordedServer(bases);
  if (recorded !== null) {
    const named = { ...settings, address: recorded.address };
    const problem = await probe(named);
    if (problem === null) return { settings: named, configured: false };
    throw recordedIsGone(recorded, problem);
  }
  const byDefault = { ...settings, address: DEFAULT_ADDRESS };
  return (await probe(byDefault)) === null ? { settings: byDefault, configured: false } : null;
}

/** The server that a worker connects to by what is configured or recorded, without looking whether anything answers there. */
export async function workerServer(env: NodeJS.ProcessEnv, bases: readonly string[]): Promise<ServerSettings> {
  const settings = connectionSettings(env);
  const address = settings.address ?? (await recordedServer(bases))?.address ?? DEFAULT_ADDRESS;
  return { ...settings, address };
}

/** A named server that cannot be used. */
export const serverProblem = ({ message, remedy }: Problem): ObsmithError =>
  new ObsmithError({ type: 'StoreUnavailable', message, remedy });

const recordedIsGone = ({ address, host, started, file }: RecordedServer, { message }: Problem): ObsmithError =>
  serverProblem({
    message: `${message}; \`obsmith dev\` on ${host} wrote ${address} to ${file} at ${started}`,
    remedy: `Start it again there; or, where it is gone for good, remove the record: rm ${file}`,
  });
