import { execFile } from 'node:child_process';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The disk that a data set lies on, and what can happen to it. */
export interface ChaosDisk {
  readonly kind: 'tmpfs' | 'injected';
  /** Empty folder for the data set. */
  readonly folder: string;
  /** Nothing more can be written for a while. */
  fill(milliseconds: number): Promise<void>;
  /** Everything is read-only for a while. */
  freeze(milliseconds: number): Promise<void>;
  /** Gives the disk back. */
  remove(): Promise<void>;
}

const SIZE_MB = 512;
const BALLAST_BLOCK = 1 << 20;
const RETRY_MS = 10;

/** A small tmpfs where mounting is allowed (root on Linux), else a folder whose workers get their errors injected. */
export async function chaosDisk(folder: string, faultFile: string): Promise<ChaosDisk> {
  return (await mountedDisk(folder)) ?? injectedDisk(folder, faultFile);
}

async function mountedDisk(folder: string): Promise<ChaosDisk | null> {
  await mkdir(folder, { recursive: true });
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MB}m`, 'obsmith-chaos', folder]);
  } catch {
    return null;
  }
  return {
    kind: 'tmpfs',
    folder,
    async fill(milliseconds) {
      const ballast = join(folder, 'ballast');
      await writeUntilFull(ballast);
      await sleep(milliseconds);
      await rm(ballast);
    },
    async freeze(milliseconds) {
      await remount(folder, 'ro');
      await sleep(milliseconds);
      await remount(folder, 'rw');
    },
    async remove() {
      await run('umount', ['-l', folder]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function writeUntilFull(path: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (const block = Buffer.alloc(BALLAST_BLOCK, 1); ; ) await file.write(block);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    await file.close();
  }
}

/** A file system with a file open for writing cannot become read-only, so a moment without is waited for. */
async function remount(folder: string, mode: 'ro' | 'rw'): Promise<void> {
  for (;;) {
    try {
      await run('mount', ['-o', `remount,${mode}`, folder]);
      return;
    } catch (error) {
      if (!/busy/i.test(String((error as { stderr?: string }).stderr))) throw error;
      await sleep(RETRY_MS);
    }
  }
}

/** `faultFile` tells the preloaded faults.mjs what fails. */
export async function injectedDisk(folder: string, faultFile: string): Promise<ChaosDisk> {
  await mkdir(folder, { recursive: true });
  const failWith = async (code: string, below: string, milliseconds: number): Promise<void> => {
    await writeFile(`${faultFile}.new`, JSON.stringify({ code, below }), { flush: true });
    await rename(`${faultFile}.new`, faultFile);
    await sleep(milliseconds);
    await rm(faultFile);
  };
  return {
    kind: 'injected',
    folder,
    fill: (milliseconds) => failWith('ENOSPC', folder, milliseconds),
    freeze: (milliseconds) => failWith('EROFS', folder, milliseconds),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
