import { stat } from 'node:fs/promises';
import { fromSystemError } from '../../errors.js';

/** Whether a store (or any other folder) is there. */
export async function storeExists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw fromSystemError(error, path);
  }
}
