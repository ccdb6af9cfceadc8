import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fromSystemError } from '../../errors.js';

/**
 * Suffix of files that are still being written. A crash may leave one behind: every reader and copy skips it, and who works
 * there next removes it.
 */
export const PARTIAL_SUFFIX = '.partial';

/** Whether a file of this name is temporary: hidden ones are, too, except the metadata files of zarr v2. */
export function isStrayName(name: string): boolean {
  if (name.endsWith(PARTIAL_SUFFIX)) return true;
  return name.startsWith('.') && !['.zgroup', '.zarray', '.zattrs', '.zmetadata'].includes(name);
}

/** Writes a file so that it appears whole or not at all, also after loss of power: temp file, fsync, rename, fsync of the folder. */
export async function writeFileAtomic(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID().slice(0, 8)}${PARTIAL_SUFFIX}`);
  try {
    await writeFileSynced(temporary, content);
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw fromSystemError(error, path);
  }
}

/** Removes files of a folder whose writing was interrupted. For who is the only writer there. */
export async function removeUnfinished(folder: string): Promise<void> {
  try {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.isFile() && entry.name.endsWith(PARTIAL_SUFFIX)) await rm(join(folder, entry.name), { force: true });
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw fromSystemError(error, folder);
  }
}

/** Writes a new file (an existing one is an error) and fsyncs it. For files inside a folder that is itself renamed into place. */
export async function writeFileSynced(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** fsync of a folder: makes renames and new names in it durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
