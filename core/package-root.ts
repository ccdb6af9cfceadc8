import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder that holds package.json, resources/ and dist/: the same whether this file runs as source or built. */
export const PACKAGE_ROOT = findRoot(dirname(fileURLToPath(import.meta.url)));

function findRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('package.json not found above core/');
  return findRoot(parent);
}

/** Path of a bundled read-only resource, e.g. `resource('gene-lists/gs10k.txt')`. */
export const resource = (path: string): string => join(PACKAGE_ROOT, 'resources', path);

/** Path of a build product, e.g. `built('core/kernels/blosc.wasm')`. Threads and workers always start from built code. */
export const built = (path: string): string => join(PACKAGE_ROOT, 'dist', path);
