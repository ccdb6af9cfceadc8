import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fromSystemError } from '../../errors.js';
import { PARTIAL_SUFFIX } from './atomic-file.js';
import { writeFully } from './transfer.js';

/** A file that is written piece by piece and appears only when it is committed. Errors are those of the file system, with its path. */
export interface StagedFile {
  write(bytes: Uint8Array, position: number): Promise<void>;
  /**
   * Makes the file durable (unless nobody minds when a machine that loses power leaves it damaged) and gives it its name,
   * replacing what an earlier attempt left there.
   */
  commit(options?: { durable: boolean }): Promise<void>;
  /** Removes what was written unless it was committed. */
  abandon(): Promise<void>;
}

/** @param head what the file begins with */
export async function createStagedFile(path: string, head: Uint8Array): Promise<StagedFile> {
  const staged = `${path}.${randomUUID()}${PARTIAL_SUFFIX}`;
  let file: FileHandle | null = null;
  try {
    await mkdir(dirname(path), { recursive: true });
    file = await open(staged, 'wx');
    await writeFully(file, head, 0);
  } catch (error) {
    await file?.close();
    throw fromSystemError(error, staged);
  }
  const handle = file;
  let committed = false;
  return {
    async write(bytes, position) {
      try {
        await writeFully(handle, bytes, position);
      } catch (error) {
        throw fromSystemError(error, staged);
      }
    },
    async commit({ durable } = { durable: true }) {
      try {
        if (durable) await handle.sync();
        await handle.close();
        await rename(staged, path);
        committed = true;
      } catch (error) {
        throw fromSystemError(error, path);
      }
    },
    async abandon() {
      if (committed) return;
      await handle.close().catch(() => undefined);
      await rm(staged, { force: true });
    },
  };
}
