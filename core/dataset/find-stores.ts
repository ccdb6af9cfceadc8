import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fromSystemError, invalidInput } from '../errors.js';
import { SPLITS } from './layout.js';

const STORE_NAME = /\.(zarr|h5ad)$/;
const byNumber = new Intl.Collator('en', { numeric: true });

/**
 * The stores that a path stands for: itself where it is one (a file, a folder named *.zarr or with zarr metadata), else
 * those in the folder, or in its split folders in order. InvalidInput where there are none, or no such path.
 */
export async function findStores(path: string): Promise<string[]> {
  const found = await stat(path).catch((error: unknown) => {
    throw fromSystemError(error, path);
  });
  if (!found.isDirectory() || STORE_NAME.test(path.replace(/\/+$/, ''))) return [path];
  const names = await namesIn(path);
  if (names.some((name) => name === '.zgroup' || name === 'zarr.json')) return [path];
  const stores = storesOf(path, names);
  for (const split of SPLITS.filter((split) => names.includes(split))) {
    stores.push(...storesOf(join(path, split), await namesIn(join(path, split))));
  }
  if (stores.length > 0) return stores;
  throw invalidInput(
    `No store (*.zarr, *.h5ad) in ${path} or its folders ${SPLITS.join(', ')}`,
    'Give a store, a folder of stores, or the folder of a data set.',
  );
}

function storesOf(folder: string, names: readonly string[]): string[] {
  return names
    .filter((name) => STORE_NAME.test(name) && !name.startsWith('.'))
    .sort(byNumber.compare)
    .map((name) => join(folder, name));
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    throw fromSystemError(error, folder);
  });
}
