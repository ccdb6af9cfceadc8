import { closeSync, constants, copyFileSync, fsync, openSync } from 'node:fs';
import { copyFile, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { fromSystemError } from '../errors.js';

const sync = promisify(fsync);

/** As a clone where the file system can; never over a file that is there. */
const MODE = constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL;
/** Larger files are worth a trip through the thread pool anyway. */
const SMALL_BYTES = 4 * 2 ** 20;
/** A small file takes less where nobody waits for a network or a slow disk. */
const USUAL_MS = 2;
/** What files may take longer, all together, e.g. because other threads have the core. */
const SPARE_MS = 40;

/**
 * Copies files and fsyncs each. Small ones are copied in this thread as long as that is quick: many copies at a time into one
 * folder keep the threads of the pool waiting for each other, which costs more CPU than copying. Where files turn out to take
 * long, as on network file systems, callers that copy several at a time hide the latency.
 */
export class FileCopier {
  #spare: number;

  constructor(spare = SPARE_MS) {
    this.#spare = spare;
  }

  async copy(source: string, target: string, bytes: number): Promise<void> {
    try {
      if (bytes <= SMALL_BYTES && this.#spare > 0) await this.#copyHere(source, target);
      else await copyInPool(source, target);
    } catch (error) {
      throw fromSystemError(error, source);
    }
  }

  async #copyHere(source: string, target: string): Promise<void> {
    const began = performance.now();
    copyFileSync(source, target, MODE);
    const file = openSync(target, 'r');
    this.#spare = Math.min(SPARE_MS, this.#spare + USUAL_MS - (performance.now() - began));
    try {
      await sync(file);
    } finally {
      closeSync(file);
    }
  }
}

async function copyInPool(source: string, target: string): Promise<void> {
  await copyFile(source, target, MODE);
  const file = await open(target, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
