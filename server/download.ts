import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Problem } from '../core/errors.js';
import { cachedBinary } from './cache-folder.js';

/** Where the SDK asks for the CLI; a short look at it tells whether a download can work at all. */
const DOWNLOADS = 'https://temporal.download/';
const LOOK_MS = 4_000;
const DOWNLOAD_MS = 5 * 60_000;

/** Lets the SDK download the CLI, and keeps it in the cache. Offline it gives up within seconds. */
export async function downloadBySdk(env: NodeJS.ProcessEnv, say: (line: string) => void): Promise<string | Problem> {
  const unreachable = await fetch(DOWNLOADS, { method: 'HEAD', signal: AbortSignal.timeout(LOOK_MS) }).then(
    () => null,
    (error: Error) => reasonOf(error),
  );
  if (unreachable !== null) {
    return {
      message: `${DOWNLOADS} cannot be reached: ${unreachable}`,
      remedy: 'Connect this machine to the internet, or use another way.',
    };
  }
  say('Downloading the Temporal server once...');
  const target = cachedBinary(env);
  const folder = join(dirname(target), `download-${process.pid}`);
  try {
    await mkdir(folder, { recursive: true });
    await downloadAndStart(folder);
    const [file] = await readdir(folder);
    if (file === undefined) throw new Error(`nothing arrived in ${folder}`);
    await rename(join(folder, file), target);
    return target;
  } catch (error) {
    return {
      message: `The download failed: ${reasonOf(error as Error)}`,
      remedy: 'Try again, or install the Temporal CLI: https://docs.temporal.io/cli#install',
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The SDK downloads only what it starts, so the server is started and ended once. */
async function downloadAndStart(downloadDir: string): Promise<void> {
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  const starting = TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'cached-download', downloadDir } },
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${DOWNLOAD_MS / 60_000} minutes`)), DOWNLOAD_MS);
  });
  try {
    const environment = await Promise.race([starting, late]);
    await environment.teardown();
  } finally {
    clearTimeout(timer);
  }
}

function reasonOf(error: Error): string {
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
