import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isObsmithError } from '../../errors.js';
import { obsmKeys } from '../obsm/inspect-arrays.js';
import { listedKeys } from '../obsm/listing.js';
import { chunkFiles, obsmFolder, provenanceOf, readObsmNode } from '../obsm/obsm-array.js';
import { removeUnfinished } from '../zarr-write/atomic-file.js';
import { consolidate } from '../zarr-write/consolidate.js';

/**
 * Brings the consolidated metadata of a store in line with the obsm arrays on disk, after an interrupted publish or a
 * deleted folder: complete arrays are listed, absent and incomplete ones are not. Returns whether the listing was changed.
 * Metadata files that were being written are removed. Call it as the only publisher of the chunk.
 */
export async function repairOutput(store: string): Promise<boolean> {
  for (const folder of [store, join(store, 'obsm')]) await removeUnfinished(folder);
  const listed = listedKeys(store);
  const complete = new Set((await obsmKeys(store)).filter((key) => isWhole(store, key)));
  const agrees = listed?.size === complete.size && [...complete].every((key) => listed.has(key));
  if (agrees) return false;
  await listArrays(store, complete);
  return true;
}

/** Rebuilds the consolidated metadata with the complete obsm arrays, less `unlisted`. */
export async function listComplete(store: string, unlisted?: string): Promise<void> {
  const keys = (await obsmKeys(store)).filter((key) => key !== unlisted && isWhole(store, key));
  await listArrays(store, new Set(keys));
}

async function listArrays(store: string, keys: ReadonlySet<string>): Promise<void> {
  await consolidate(store, (node) => {
    const [group, key] = node.split('/');
    return group === 'obsm' && key !== undefined && !keys.has(key);
  });
}

/** Whether a node has metadata and, where we made it, all its row blocks; absent chunks of others mean fill_value. */
function isWhole(store: string, key: string): boolean {
  const node = nodeOrNull(store, key);
  if (node === null || node === 'group') return node === 'group';
  if (provenanceOf(node) === null) return true;
  const names = new Set(readdirSync(obsmFolder(store, key), { recursive: true }).map(String));
  for (const file of chunkFiles(node)) if (!names.has(file)) return false;
  return true;
}

/** Null for absent and for unreadable metadata alike: neither may be listed. */
function nodeOrNull(store: string, key: string) {
  try {
    return readObsmNode(store, key);
  } catch (error) {
    if (isObsmithError(error) && error.type === 'InvalidInput') return null;
    throw error;
  }
}
