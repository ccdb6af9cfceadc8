import { mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What this machine can do at most, in bytes per second, on one thread. */
export interface MachineLimits {
  /** Reading files that are in the page cache. */
  readonly cachedRead: number;
  readonly memoryCopy: number;
  /** Writing a file, fsync included. */
  readonly diskWrite: number;
}

const PIECE_BYTES = 8 * 1024 * 1024;
const WRITE_BYTES = 512 * 1024 * 1024;
const COPIES = 100;

/** Measures with the files of `inputs` (read twice; the second time counts) and a file written in `folder`, which is removed. */
export async function measureLimits(inputs: readonly string[], folder: string): Promise<MachineLimits> {
  const buffer = Buffer.alloc(PIECE_BYTES, 1);
  await readAll(inputs, buffer);
  return {
    cachedRead: await rate(() => readAll(inputs, buffer)),
    memoryCopy: await rate(async () => copyMemory(buffer)),
    diskWrite: await rate(() => writeFile(folder, buffer)),
  };
}

async function rate(work: () => Promise<number>): Promise<number> {
  const startedAt = performance.now();
  const bytes = await work();
  return bytes / ((performance.now() - startedAt) / 1000);
}

/** Reads h5ad files, and all files of zarr stores. */
async function readAll(inputs: readonly string[], buffer: Buffer): Promise<number> {
  let bytes = 0;
  for (const input of inputs) {
    for (const file of await filesOf(input)) bytes += await readFile(file, buffer);
  }
  return bytes;
}

async function filesOf(input: string): Promise<string[]> {
  if ((await stat(input)).isFile()) return [input];
  const entries = await readdir(input, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

async function readFile(path: string, buffer: Buffer): Promise<number> {
  const file = await open(path);
  try {
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return bytes;
      bytes += bytesRead;
    }
  } finally {
    await file.close();
  }
}

function copyMemory(buffer: Buffer): number {
  const target = Buffer.alloc(buffer.length);
  for (let copy = 0; copy < COPIES; copy++) buffer.copy(target);
  return COPIES * buffer.length;
}

async function writeFile(folder: string, buffer: Buffer): Promise<number> {
  const temporary = await mkdtemp(join(folder, 'disk-'));
  try {
    const file = await open(join(temporary, 'written'), 'w');
    try {
      for (let bytes = 0; bytes < WRITE_BYTES; bytes += buffer.length) await file.write(buffer);
      await file.sync();
    } finally {
      await file.close();
    }
    return WRITE_BYTES;
  } finally {
    await rm(temporary, { recursive: true });
  }
}
