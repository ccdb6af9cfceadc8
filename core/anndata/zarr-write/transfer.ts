import type { FileHandle } from 'node:fs/promises';

/** One system call moves 2 GiB at most. */
const LARGEST_TRANSFER = 1 << 28;

/** Writes all bytes at a position. */
export async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) {
    const length = Math.min(LARGEST_TRANSFER, bytes.byteLength - done);
    done += (await file.write(bytes, done, length, position + done)).bytesWritten;
  }
}

/** Fills `bytes` from a position on; false where the file does not reach that far. */
export async function readFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<boolean> {
  if (position < 0) return false;
  let done = 0;
  while (done < bytes.byteLength) {
    const length = Math.min(LARGEST_TRANSFER, bytes.byteLength - done);
    const { bytesRead } = await file.read(bytes, done, length, position + done);
    if (bytesRead === 0) return false;
    done += bytesRead;
  }
  return true;
}
