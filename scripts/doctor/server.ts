import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { isObsmithError } from '../../core/errors.js';
import { binarySources } from '../../server/binary-sources.js';
import { cachedBinary } from '../../server/cache-folder.js';
import { baseFolders, findServer } from '../../server/find-server.js';
import { probeServer } from '../../server/probe-server.js';
import { absent, broken, type Check, ok } from './checks.js';

const run = promisify(execFile);
/** Sources that hold a server already; the others would have to fetch or build one. */
const AT_HAND: ReadonlySet<string> = new Set(['PATH', 'cache']);

/** A server that runs, else where one would be started from, in the order in which `run` and `dev` look. */
export async function checkServer(env: NodeJS.ProcessEnv, cwd: string): Promise<Check> {
  const name = 'Temporal server';
  try {
    const server = await findServer(env, probeServer, baseFolders(env, cwd));
    if (server !== null) return ok(name, `runs at ${server.settings.address}, namespace ${server.settings.namespace}`);
  } catch (error) {
    if (!isObsmithError(error)) throw error;
    return broken(name, error.message, error.remedy);
  }
  for (const source of binarySources(env).filter((candidate) => AT_HAND.has(candidate.name))) {
    const found = await source.obtain(() => {});
    if (typeof found === 'string') return ok(name, `none runs; would be started from ${found} (${source.name})`);
  }
  const go = await run('go', ['version']).then(
    ({ stdout }) => stdout.trim(),
    () => null,
  );
  const later =
    go === null ? 'it would be downloaded at first use' : `it would be downloaded, or built with ${go}, at first use`;
  return absent(
    name,
    `none runs and none is at hand; ${later}`,
    `Without internet: put the Temporal CLI on the PATH or at ${cachedBinary(env)}, or set TEMPORAL_ADDRESS.`,
  );
}
