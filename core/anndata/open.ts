import { stat } from 'node:fs/promises';
import { fromSystemError } from '../errors.js';
import type { GroupElement } from './h5ad/element.js';
import type { AnnData } from './types.js';
import { openZarr } from './zarr/open-zarr.js';
import { openZarrTree } from './zarr/tree.js';

/**
 * Opens an AnnData store of any format by what is on disk: a folder is a zarr store, a file is h5ad; names do not matter.
 * InvalidInput where there is nothing ("Input file not found"), no permission, or neither of the two.
 */
export async function openAnnData(path: string): Promise<AnnData> {
  if (await isFolder(path)) return openZarr(path);
  // The HDF5 library takes 40 MB in each thread that loads it: only where there is such a file.
  const { openH5ad } = await import('./h5ad/reader.js');
  return openH5ad(path);
}

/** What a store of any format holds, element by element, for taking parts of it; the caller closes it. */
export async function openTree(path: string): Promise<{ readonly root: GroupElement; close(): void }> {
  if (await isFolder(path)) return { root: openZarrTree(path), close() {} };
  const { openH5adTree } = await import('./h5ad/reader.js');
  return openH5adTree(path);
}

/** True for a folder, false for a file; errors of the file system are ObsmithErrors. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw fromSystemError(error, path);
  }
}
