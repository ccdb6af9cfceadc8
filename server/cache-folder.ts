import { homedir } from 'node:os';
import { join } from 'node:path';

/** The official CLI that is built or cached; it holds the server 1.29.1 and the Web UI 2.42.1. */
export const CLI_VERSION = 'v1.5.1';

/** The user's cache folder: XDG_CACHE_HOME or ~/.cache, and below it obsmith. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'obsmith');
}

/** Where the Temporal CLI is kept, whoever obtained it. */
export const cachedBinary = (env: NodeJS.ProcessEnv): string =>
  join(cacheFolder(env), 'temporal', CLI_VERSION, 'temporal');
