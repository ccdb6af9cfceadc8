import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Names of the arrays under `obsm/` of an output store, or null where there is no store. A quick look: whether they are valid is decided per chunk. */
export async function existingArrays(store: string): Promise<ReadonlySet<string> | null> {
  try {
    const entries = await readdir(join(store, 'obsm'), { withFileTypes: true });
    return new Set(entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
