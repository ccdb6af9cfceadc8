import { randomUUID } from 'node:crypto';
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fromSystemError, invalidInput } from '../errors.js';
import type { TaskContext } from '../tasks/types.js';
import { copyFolder } from './copy-folder.js';
import { elementBytes, writeElement } from './h5ad/to-zarr.js';
import { isFolder } from './open.js';
import { syncFolder } from './zarr-write/atomic-file.js';
import { consolidate, storeFormat } from './zarr-write/consolidate.js';

/**
 * Copies an AnnData store, whatever it holds, to a new zarr store: a zarr store file by file in its own format, an h5ad
 * file as zarr v2 in AnnData's current encoding, so that `anndata.read_zarr` of the copy equals `read_h5ad` of the input.
 * Consolidated metadata is made anew. The copy appears whole or not at all: it is written to `<target>.partial-<token>`
 * and renamed. Progress is in bytes. InvalidInput where the target exists.
 */
export async function copyToZarr(input: string, target: string, context: TaskContext): Promise<void> {
  await refuseExisting(target);
  const partial = `${target}${PARTIAL}${randomUUID()}`;
  try {
    await mkdir(dirname(target), { recursive: true });
    if (await isFolder(input)) await copyStore(input, partial, context);
    else await convertH5ad(input, partial, context);
    await consolidate(partial);
    context.checkCancelled();
    await rename(partial, target);
    await syncFolder(dirname(target));
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw fromSystemError(error, target);
  }
  await removePartials(target);
}

const PARTIAL = '.partial-';

async function copyStore(input: string, target: string, context: TaskContext): Promise<void> {
  await storeFormat(input);
  await copyFolder(input, target, context);
}

async function convertH5ad(input: string, target: string, context: TaskContext): Promise<void> {
  const { openH5adTree } = await import('./h5ad/reader.js');
  const { root, close } = await openH5adTree(input);
  try {
    const total = elementBytes(root);
    let done = 0;
    await writeElement(root, target, (bytes) => {
      context.checkCancelled();
      done += bytes;
      context.progress(done, total);
    });
  } finally {
    close();
  }
}

async function refuseExisting(target: string): Promise<void> {
  const exists = await access(target).then(
    () => true,
    () => false,
  );
  if (exists) throw invalidInput(`${target} exists already`, 'Remove it, or copy to another path.');
}

/** Removes what killed attempts left beside the finished copy. */
async function removePartials(target: string): Promise<void> {
  const prefix = `${basename(target)}${PARTIAL}`;
  for (const name of await readdir(dirname(target))) {
    if (name.startsWith(prefix)) await rm(join(dirname(target), name), { recursive: true, force: true });
  }
}
