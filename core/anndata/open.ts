import { stat } from 'node:fs/promises';
import { fromSystemError } from '../errors.js';
import { openH5ad } from './h5ad/reader.js';
import type { AnnData } from './types.js';
import { openZarr } from './zarr/open-zarr.js';

/**
 * Opens an AnnData store of any format by what is on disk: a folder is a zarr store, a file is h5ad; names do not matter.
 * InvalidInput where there is nothing ("Input file not found"), no permission, or neither of the two.
 */
export async function openAnnData(path: string): Promise<AnnData> {
  return (await isFolder(path)) ? openZarr(path) : openH5ad(path);
}

/** True for a folder, false for a file; errors of the file system are ObsmithErrors. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw fromSystemError(error, path);
  }
}
