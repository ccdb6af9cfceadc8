import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Removes a folder that someone may still write to: it is renamed first, so that no later write finds it and none can
 * complete it while it is half removed.
 */
export async function discard(folder: string): Promise<void> {
  const condemned = join(dirname(folder), `discarded-${randomUUID()}`);
  try {
    await rename(folder, condemned);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  await rm(condemned, { recursive: true, force: true }).catch((error: NodeJS.ErrnoException) => {
    // A file that another process still has open stays on NFS as .nfs*; its folder goes with a later removal.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EBUSY') throw error;
  });
}
