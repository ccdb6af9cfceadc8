import { join } from 'node:path';
import { readJson, storeVersion } from '../zarr/metadata.js';

/** Keys of obsm that the store's consolidated metadata lists, or null where the store has no consolidated metadata. */
export function listedKeys(store: string): Set<string> | null {
  const listed = storeVersion(store) === 2 ? listedV2(store) : listedV3(store);
  if (listed === null) return null;
  const keys = new Set<string>();
  for (const path of listed) {
    const [group, key] = path.split('/');
    if (group === 'obsm' && key !== undefined && !key.startsWith('.')) keys.add(key);
  }
  return keys;
}

/** `.zmetadata` has one entry per metadata file: "obsm/X_pca/.zarray". An own level of obsm/.zgroup is not a key. */
function listedV2(store: string): string[] | null {
  const metadata = readJson(join(store, '.zmetadata'))?.metadata;
  return isObject(metadata) ? Object.keys(metadata) : null;
}

/** In v3 the root's zarr.json has one entry per node: "obsm/X_pca". */
function listedV3(store: string): string[] | null {
  const consolidated = readJson(join(store, 'zarr.json'))?.consolidated_metadata;
  if (!isObject(consolidated) || !isObject(consolidated.metadata)) return null;
  return Object.keys(consolidated.metadata);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
