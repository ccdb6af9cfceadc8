import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createOnce } from '../../dataset/create-once.js';
import { fromSystemError, ObsmithError } from '../../errors.js';
import type { TaskContext } from '../../tasks/types.js';
import { hasEnded, ownedByThisProcess } from './process-owner.js';

/** Given to the work under the lock: call it right before every step that changes the output. */
export type AssertHeld = () => Promise<void>;

const RENEW_MS = 5_000;
/** A lock whose file was not renewed for this long, by the waiter's own clock, is taken over. */
const STALE_MS = 30_000;
const LOOK_AGAIN_MS = 50;
/** After this the attempt fails and is retried. */
const MAX_WAIT_MS = 120_000;

/**
 * Runs `work` as the only publisher of a chunk. The lock of a process of this host that ended is taken over at once,
 * another's when it was not renewed for 30 s. StoreUnavailable where it stays held, and from `AssertHeld` where it was lost.
 */
export async function withChunkLock<T>(
  file: string,
  context: TaskContext,
  work: (held: AssertHeld) => Promise<T>,
): Promise<T> {
  const content = ownedByThisProcess(randomUUID());
  try {
    await mkdir(dirname(file), { recursive: true });
    await acquire(file, content, context);
  } catch (error) {
    throw fromSystemError(error, file);
  }
  const renewal = setInterval(() => void renew(file, content), RENEW_MS).unref();
  const held = async () => {
    if ((await readText(file)) !== content) throw lockLost(file);
  };
  try {
    return await work(held);
  } finally {
    clearInterval(renewal);
    if ((await readText(file)) === content) await rm(file, { force: true });
  }
}

async function acquire(file: string, content: string, context: TaskContext): Promise<void> {
  const began = performance.now();
  let seen = { sign: '', since: began };
  while (!(await createOnce(file, content))) {
    context.checkCancelled();
    const found = await look(file);
    if (found === null) continue;
    const now = performance.now();
    const sign = `${found.text}\0${found.mtimeMs}`;
    if (sign !== seen.sign) seen = { sign, since: now };
    if (hasEnded(found.text) || now - seen.since > STALE_MS) await removeEnded(file, found.text);
    else if (now - began > MAX_WAIT_MS) throw lockHeld(file, found.text);
    else await sleep(LOOK_AGAIN_MS);
  }
}

/** The lock is renamed before it is removed; where that caught another one, it is put back (and its holder checks before each step). */
async function removeEnded(file: string, ended: string): Promise<void> {
  const caught = `${file}.${randomUUID()}`;
  try {
    await rename(file, caught);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const text = await readText(caught);
  if (text !== null && text !== ended) await createOnce(file, text);
  await rm(caught, { force: true });
}

/** The time stamp only tells waiters that the holder lives, so a failed renewal is the next one's business. */
async function renew(file: string, content: string): Promise<void> {
  const now = new Date();
  if ((await readText(file).catch(() => null)) === content) await utimes(file, now, now).catch(() => {});
}

async function look(file: string): Promise<{ text: string; mtimeMs: number } | null> {
  const text = await readText(file);
  if (text === null) return null;
  const found = await stat(file).catch(absent);
  return found && { text, mtimeMs: found.mtimeMs };
}

async function readText(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch(absent);
}

function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

function lockHeld(file: string, text: string): ObsmithError {
  return new ObsmithError({
    type: 'StoreUnavailable',
    message: `Waited ${MAX_WAIT_MS / 1000} s for the publish lock ${file}, held by ${text}`,
    remedy: 'It is waited for again; if its holder is gone and the file stays, remove the file.',
  });
}

function lockLost(file: string): ObsmithError {
  return new ObsmithError({
    type: 'StoreUnavailable',
    message: `The publish lock ${file} was taken over by another process, because it was not renewed in time`,
    remedy: 'Nothing is lost: the attempt is repeated after the other one.',
  });
}
