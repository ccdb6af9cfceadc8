import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ChunkReference } from '../../dataset/types.js';
import { fromSystemError, ObsmithError } from '../../errors.js';
import type { TaskContext } from '../../tasks/types.js';
import { copyToZarr } from '../copy.js';
import { obsmKeys } from '../obsm/inspect-arrays.js';
import { storeExists } from '../obsm/store-exists.js';
import { syncFolder } from '../zarr-write/atomic-file.js';
import { consolidate, storeFormat } from '../zarr-write/consolidate.js';
import { groupMetadata, writeNodeMetadata } from '../zarr-write/metadata.js';
import { discard } from './discard.js';
import { stagedStore } from './places.js';
import { hasEnded, ownedByThisProcess } from './process-owner.js';
import { writeInheritedKeys } from './root-record.js';

export interface StageInputRequest {
  /** Absolute base folder. */
  readonly base: string;
  readonly chunk: Pick<ChunkReference, 'input' | 'output'>;
  /** Staging folder of the chunk, absolute or relative to the base. */
  readonly staging: string;
}

const COPY = 'copy-';
/** Copies, and what is left of interrupted removals. */
const LEFT = /^(copy|discarded)-/;
const TOKEN = 'token';

/**
 * Copies a chunk's input into staging, where it waits for its first array to become the output, unless output or copy
 * exist. The copy gets an obsm group and records which obsm arrays it has from its input. Progress is in bytes.
 * Of several attempts at a time the first to finish wins; what is half copied never counts.
 */
export async function stageInput({ base, chunk, staging }: StageInputRequest, context: TaskContext): Promise<void> {
  const folder = resolve(base, staging);
  const target = stagedStore(folder);
  // In this order: a copy that becomes the output between two looks is seen by one of them.
  const isThere = async () => (await storeExists(target)) || (await storeExists(join(base, chunk.output)));
  if (await isThere()) return;
  const attempt = join(folder, `${COPY}${randomUUID()}`);
  let begun = false;
  try {
    await mkdir(folder, { recursive: true });
    await discardCopies(folder, async (copy) => hasEnded((await readToken(copy)) ?? ''));
    await mkdir(attempt);
    await writeFile(join(attempt, TOKEN), ownedByThisProcess(attempt));
    begun = true;
    const copy = join(attempt, 'store.zarr');
    await copyToZarr(join(base, chunk.input), copy, context);
    await prepareObsm(copy);
    if ((await readToken(attempt)) === null) throw takenAway(attempt);
    await rename(copy, target);
    await syncFolder(folder);
  } catch (error) {
    // Whatever failed in a copy that is gone, failed because it is gone.
    const cause = begun && (await readToken(attempt)) === null ? takenAway(attempt) : error;
    await discard(attempt);
    if (await isThere()) return;
    throw fromSystemError(cause, folder);
  }
  await discardCopies(folder, async () => true);
  // The output may have appeared meanwhile, from another attempt's copy.
  if (await storeExists(join(base, chunk.output))) await discard(target);
}

async function discardCopies(folder: string, accepts: (copy: string) => Promise<boolean>): Promise<void> {
  for (const name of await readdir(folder)) {
    const copy = join(folder, name);
    if (LEFT.test(name) && (await accepts(copy))) await discard(copy);
  }
}

async function readToken(copy: string): Promise<string | null> {
  try {
    return await readFile(join(copy, TOKEN), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** A faster attempt removed this copy; copying on may have made its folder anew, without the files copied before. */
function takenAway(attempt: string): ObsmithError {
  return new ObsmithError({
    type: 'StoreUnavailable',
    message: `The copy of the input in ${attempt} was removed by another attempt`,
    remedy: 'Nothing is lost: the copy is made again where it is still needed.',
  });
}

async function prepareObsm(store: string): Promise<void> {
  const format = await storeFormat(store);
  const obsm = join(store, 'obsm');
  if (!(await storeExists(obsm))) {
    await writeNodeMetadata(obsm, groupMetadata(format, { 'encoding-type': 'dict', 'encoding-version': '0.1.0' }));
  }
  await writeInheritedKeys(store, format, await obsmKeys(store));
  await consolidate(store);
}
