import { readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { discard } from './discard.js';
import { ARRAY_FOLDER, attemptFolder, isAttemptFolder, stagedKeyFolder } from './places.js';

/** Names one staged array and who works on it. */
export interface StagedArrayPlace {
  /** Staging folder of the chunk, absolute. */
  readonly folder: string;
  /** "X_pca" */
  readonly key: string;
  /** Names this attempt and no other. */
  readonly attempt: string;
  /** What the array is computed from: only work of the same signature is continued. */
  readonly signature: string;
}

/** `job.json` of an attempt's folder; compared as text. */
export const JOB_FILE = 'job.json';

/**
 * Makes the newest work of which `accepts` holds this attempt's own: its folder is renamed to this attempt's name, which
 * fences the older attempt. Returns the folder, or null where there is no such work.
 */
export async function claimAttempt(
  { folder, key, attempt }: StagedArrayPlace,
  accepts: (candidate: string) => Promise<boolean>,
): Promise<string | null> {
  const keyFolder = stagedKeyFolder(folder, key);
  const own = join(keyFolder, attemptFolder(attempt));
  for (const candidate of await newestFirst(keyFolder, own)) {
    if (!(await accepts(candidate))) continue;
    if (candidate === own || (await renamed(candidate, own))) return own;
  }
  return null;
}

/** Discards all work on a key except `kept`, and whatever removals left behind. */
export async function discardWork({ folder, key }: StagedArrayPlace, kept: string | null): Promise<void> {
  const keyFolder = stagedKeyFolder(folder, key);
  for (const name of await readdir(keyFolder)) {
    const path = join(keyFolder, name);
    if (path !== kept) await discard(path);
  }
}

/** This attempt's own folder, if it is there, then others by time of last change. */
async function newestFirst(keyFolder: string, own: string): Promise<string[]> {
  const found: { path: string; changed: number }[] = [];
  for (const name of await namesIn(keyFolder)) {
    const path = join(keyFolder, name);
    if (!isAttemptFolder(name)) continue;
    found.push({ path, changed: path === own ? Infinity : await changeTime(join(path, ARRAY_FOLDER)) });
  }
  return found.sort((a, b) => b.changed - a.changed).map(({ path }) => path);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function changeTime(folder: string): Promise<number> {
  return stat(folder).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}

/** False where another attempt was faster. */
async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Content of an attempt's job file, or null where the attempt did not get that far. */
export async function readJob(attempt: string): Promise<string | null> {
  try {
    return await readFile(join(attempt, JOB_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
