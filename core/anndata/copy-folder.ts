import { mkdir, readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { fromSystemError, invalidInput } from '../errors.js';
import type { TaskContext } from '../tasks/types.js';
import { FileCopier } from './copy-file.js';
import { isStrayName } from './zarr-write/atomic-file.js';

/** Files copied at a time: hides the latency of disks, and of network file systems. */
const AT_ONCE = 8;

interface CopiedFile {
  /** Path below the folder. */
  readonly path: string;
  readonly bytes: number;
}

interface Listing {
  readonly folders: string[];
  readonly files: CopiedFile[];
}

/**
 * Copies a store's folder file by file: as clones where the file system can (never as hard links: a later write into
 * the copy must not reach the input). Temporary files and folders are left out. Links to files inside the store are copied as files;
 * links that lead out of it, or to folders, are refused. Each file is fsynced. Progress is in bytes.
 */
export async function copyFolder(source: string, target: string, context: TaskContext): Promise<void> {
  const { folders, files } = await listFolder(source);
  await mkdir(target, { recursive: true });
  for (const folder of folders) await mkdir(join(target, folder));
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  const copier = new FileCopier();
  let done = 0;
  const queue = files.values();
  let stopped = false;
  const copyNext = async (): Promise<void> => {
    for (const { path, bytes } of queue) {
      if (stopped) return;
      context.checkCancelled();
      await copier.copy(join(source, path), join(target, path), bytes);
      done += bytes;
      context.progress(done, total);
    }
  };
  const stopAll = (error: unknown): never => {
    stopped = true;
    throw error;
  };
  // All are waited for, also after an error: the caller then removes the folder that they write into.
  const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, () => copyNext().catch(stopAll)));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

async function listFolder(source: string): Promise<Listing> {
  const listing: Listing = { folders: [], files: [] };
  try {
    await list(await realpath(source), '', listing);
  } catch (error) {
    throw fromSystemError(error, source);
  }
  return listing;
}

/** Collects what lies below a folder, parents before children. */
async function list(root: string, folder: string, listing: Listing): Promise<void> {
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (isStrayName(entry.name) && !(entry.isDirectory() && (await isNode(join(root, path))))) continue;
    if (entry.isDirectory()) {
      listing.folders.push(path);
      await list(root, path, listing);
    } else {
      if (!entry.isFile()) await refuseForeign(root, path);
      listing.files.push({ path, bytes: (await stat(join(root, path))).size });
    }
  }
}

/** Columns may be named like temporary files (".cell"): what has metadata is data. */
async function isNode(folder: string): Promise<boolean> {
  return (await readdir(folder)).some((name) => ['.zarray', '.zgroup', 'zarr.json'].includes(name));
}

/** Lets only links pass that lead to a file inside the store. */
async function refuseForeign(root: string, path: string): Promise<void> {
  const target = await realpath(join(root, path));
  if (target.startsWith(root + sep) && (await stat(target)).isFile()) return;
  throw invalidInput(
    `${join(root, path)} is a link to ${target}, which is not a file inside the store`,
    'Replace the link by the data itself, e.g. with cp -rL.',
  );
}
