import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fromSystemError } from '../../errors.js';
import type { Json } from '../../methods/types.js';
import { storeVersion } from '../zarr/metadata.js';
import { isStrayName } from '../zarr-write/atomic-file.js';
import { inheritedKeys, provenanceOf, readObsmNode } from './obsm-array.js';
import { storeExists } from './store-exists.js';

/** What the metadata of one obsm array says. */
export interface PublishedArray {
  readonly shape: readonly number[];
  readonly dtype: string;
  /** Null where others made the array. */
  readonly method: string | null;
  readonly parameters: Json;
  /** Array digest as recorded when it was published. */
  readonly digest: string | null;
  /** True where the output only has it because its input had it. */
  readonly inherited: boolean;
}

/** All obsm arrays of a store by key, in order of keys, or null where there is no store. Only metadata is read; data frames and sparse matrices are left out. */
export async function inspectArrays(store: string): Promise<Record<string, PublishedArray> | null> {
  if (!(await storeExists(store))) return null;
  const version = storeVersion(store);
  const inherited = inheritedKeys(store, version) ?? [];
  const arrays: Record<string, PublishedArray> = {};
  for (const key of await obsmKeys(store)) {
    const node = readObsmNode(store, key, version);
    if (node === null || node === 'group') continue;
    const provenance = provenanceOf(node);
    arrays[key] = {
      shape: node.shape,
      dtype: node.dtype.name,
      method: provenance ? String(provenance.method) : null,
      parameters: provenance?.parameters ?? null,
      digest: typeof provenance?.digest === 'string' ? provenance.digest : null,
      inherited: inherited.includes(key),
    };
  }
  return arrays;
}

/** Names of the folders in obsm, sorted; temporary ones left out. */
export async function obsmKeys(store: string): Promise<string[]> {
  const folder = join(store, 'obsm');
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && !isStrayName(entry.name))
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw fromSystemError(error, folder);
  }
}
