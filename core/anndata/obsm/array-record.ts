import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fromSystemError } from '../../errors.js';
import { isStrayName, writeFileAtomic } from '../zarr-write/atomic-file.js';
import { obsmFolder } from './obsm-array.js';

/** What was found out about an array by reading all of it; believed as long as its files look the same. */
export interface ArrayRecord {
  /** Hash of names, sizes and modification times of the array's files. */
  readonly fingerprint: string;
  readonly digest: string;
  readonly zeroRows: number;
  readonly finite: boolean;
}

/** Files of an array (relative to its folder, without temporary ones) and their fingerprint. */
export interface ArrayFiles {
  readonly names: ReadonlySet<string>;
  readonly bytes: number;
  readonly fingerprint: string;
}

export async function arrayFiles(store: string, key: string): Promise<ArrayFiles> {
  const folder = obsmFolder(store, key);
  try {
    const found: string[] = [];
    let bytes = 0;
    const names = new Set<string>();
    for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
      if (entry.isDirectory() || isStrayName(entry.name)) continue;
      const path = join(entry.parentPath, entry.name);
      const { size, mtimeNs } = await stat(path, { bigint: true });
      const name = relative(folder, path);
      names.add(name);
      bytes += Number(size);
      found.push(`${name}\0${size}\0${mtimeNs}\n`);
    }
    const fingerprint = createHash('sha256').update(found.sort().join('')).digest('hex');
    return { names, bytes, fingerprint };
  } catch (error) {
    throw fromSystemError(error, folder);
  }
}

/** The record of an array, or null where there is none or it cannot be read as one: it is only a memory. */
export async function readRecord(store: string, key: string): Promise<ArrayRecord | null> {
  const file = recordFile(store, key);
  if (file === null) return null;
  try {
    const value = JSON.parse(await readFile(file, 'utf8')) as Partial<ArrayRecord>;
    return typeof value.fingerprint === 'string' && typeof value.digest === 'string' ? (value as ArrayRecord) : null;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw fromSystemError(error, file);
  }
}

/** Remembers what was found. Stores outside of a base folder with `.obsmith/` are not remembered. */
export async function writeRecord(store: string, key: string, record: ArrayRecord): Promise<void> {
  const file = recordFile(store, key);
  if (file === null) return;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFileAtomic(file, JSON.stringify(record));
  } catch (error) {
    throw fromSystemError(error, file);
  }
}

/** `<base>/.obsmith/outputs/<store relative to the base>/<key>.json`; the base is the nearest folder above that has `.obsmith/`. */
function recordFile(store: string, key: string): string | null {
  for (let base = dirname(resolve(store)); ; base = dirname(base)) {
    if (existsSync(join(base, '.obsmith'))) {
      return join(base, '.obsmith', 'outputs', relative(base, resolve(store)), `${key}.json`);
    }
    if (dirname(base) === base) return null;
  }
}
