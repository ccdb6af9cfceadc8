import { provenanceOf, readObsmNode } from '../anndata/obsm/obsm-array.js';
import { storeExists } from '../anndata/obsm/store-exists.js';
import { isObsmithError } from '../errors.js';
import type { Json } from '../methods/types.js';

/** What a published array of a fitted method stands on. */
export interface ArrayFit {
  readonly fit: string;
  readonly algorithmVersion: Json;
  readonly parameters: Json;
}

/** Null where there is no array of ours that stands on a fit, or none that can be read. */
export async function fitOfArray(store: string, key: string): Promise<ArrayFit | null> {
  try {
    const node = (await storeExists(store)) ? readObsmNode(store, key) : null;
    const provenance = node === null || node === 'group' ? null : provenanceOf(node);
    if (typeof provenance?.fit !== 'string') return null;
    const { fit, algorithmVersion = null, parameters = null } = provenance;
    return { fit, algorithmVersion, parameters };
  } catch (error) {
    if (isObsmithError(error) && error.type === 'InvalidInput') return null;
    throw error;
  }
}
