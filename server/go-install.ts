import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Problem } from '../core/errors.js';
import { isRunning } from '../core/machine/process-running.js';
import { CLI_VERSION, cachedBinary } from './cache-folder.js';

const PACKAGE = `github.com/temporalio/cli/cmd/temporal@${CLI_VERSION}`;
const LOOK_AGAIN_MS = 1_000;
const OUTPUT_KEPT = 2_000;

/** Builds the official CLI with Go into the cache; several processes that want it build it once. */
export async function goInstall(env: NodeJS.ProcessEnv, say: (line: string) => void): Promise<string | Problem> {
  const target = cachedBinary(env);
  await mkdir(dirname(target), { recursive: true });
  const lock = `${target}.lock`;
  while (!(await takeLock(lock))) {
    say(`Another process builds the Temporal server (${lock}); waiting for it...`);
    await lockEnds(lock);
    if (await exists(target)) return target;
  }
  const folder = `${target}.build-${process.pid}`;
  try {
    say('Building the Temporal server once (about 5 minutes)...');
    const failure = await build(folder, env);
    if (failure !== null) return failure;
    await rename(join(folder, 'temporal'), target);
    return target;
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(lock, { force: true });
  }
}

function build(folder: string, env: NodeJS.ProcessEnv): Promise<Problem | null> {
  return new Promise((resolve) => {
    const go = spawn('go', ['install', PACKAGE], {
      env: { ...env, GOBIN: folder },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    go.stderr.on('data', (data: Buffer) => {
      output = (output + data).slice(-OUTPUT_KEPT);
    });
    go.on('error', (error) => {
      resolve({
        message: `Go cannot be run: ${error.message}`,
        remedy: 'Install Go (https://go.dev/dl), which can then build the server.',
      });
    });
    go.on('close', (code) => {
      const remedy = `Run it by hand to see why: go install ${PACKAGE}`;
      resolve(code === 0 ? null : { message: `go install ${PACKAGE} failed: ${output.trim()}`, remedy });
    });
  });
}

/** False while a process that runs holds the lock; a lock whose process is gone is removed. */
async function takeLock(lock: string): Promise<boolean> {
  try {
    const file = await open(lock, 'wx');
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

async function lockEnds(lock: string): Promise<void> {
  while (await exists(lock)) {
    const pid = Number(await readFile(lock, 'utf8').catch(() => ''));
    if (pid > 0 && !isRunning(pid)) {
      await rm(lock, { force: true });
      return;
    }
    await sleep(LOOK_AGAIN_MS);
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
