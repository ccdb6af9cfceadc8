import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { cachedBinary } from './cache-folder.js';
import { downloadBySdk } from './download.js';
import type { BinarySource } from './find-binary.js';
import { goInstall } from './go-install.js';

const run = promisify(execFile);

/** In the order in which they are asked. */
export function binarySources(env: NodeJS.ProcessEnv): BinarySource[] {
  return [
    { name: 'PATH', obtain: () => onPath(env) },
    { name: 'cache', obtain: () => inCache(env) },
    { name: 'download', obtain: (say) => downloadBySdk(env, say) },
    { name: 'go install', obtain: (say) => goInstall(env, say) },
  ];
}

async function onPath(env: NodeJS.ProcessEnv) {
  for (const folder of (env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const path = join(folder, 'temporal');
    if ((await executable(path)) && (await whyNotRunning(path)) === null) return path;
  }
  return {
    message: 'No `temporal` that runs is on the PATH.',
    remedy: 'Install the Temporal CLI: https://docs.temporal.io/cli#install (or `brew install temporal`).',
  };
}

async function inCache(env: NodeJS.ProcessEnv) {
  const path = cachedBinary(env);
  if (!(await executable(path)))
    return { message: `Nothing is cached at ${path}.`, remedy: `Put a Temporal CLI there (chmod +x).` };
  const reason = await whyNotRunning(path);
  return reason === null ? path : { message: `${path} does not run: ${reason}`, remedy: `Remove it: rm ${path}` };
}

const executable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/** Null where `temporal --version` works: another machine's binary in a shared home does not. */
async function whyNotRunning(path: string): Promise<string | null> {
  return run(path, ['--version'], { timeout: 20_000 }).then(
    () => null,
    (error: Error) => error.message,
  );
}
