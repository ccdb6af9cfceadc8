import { join } from 'node:path';
import type { Json } from '../../methods/types.js';
import { NumberArray } from '../zarr/array.js';
import { type ArrayNode, readGroupNode, readNode, storeVersion, type ZarrVersion } from '../zarr/metadata.js';

/** Attribute under which Obsmith keeps its own: provenance in arrays, the list of inherited arrays at the root. */
export const OBSMITH_ATTRIBUTE = 'obsmith';

export type Provenance = { readonly [key: string]: Json };

/** Metadata of `obsm/<key>`, "group" where it is a data frame or sparse matrix, null where there is none. InvalidInput for unreadable metadata. */
export function readObsmNode(
  store: string,
  key: string,
  version: ZarrVersion = storeVersion(store),
): ArrayNode | 'group' | null {
  const node = readNode(store, version, `obsm/${key}`);
  return node?.kind === 'group' ? 'group' : node;
}

/** What Obsmith wrote about an array, or null where someone else wrote it. */
export function provenanceOf(node: ArrayNode): Provenance | null {
  const value = node.attributes[OBSMITH_ATTRIBUTE];
  return typeof value === 'object' && value !== null && !Array.isArray(value) && 'method' in value
    ? (value as Provenance)
    : null;
}

/** Keys of obsm arrays that the store's input had already, as its copy recorded them; null where we did not make the store. */
export function inheritedKeys(store: string, version: ZarrVersion = storeVersion(store)): string[] | null {
  const ours = readGroupNode(store, version, '').attributes[OBSMITH_ATTRIBUTE] as { inherited?: unknown } | undefined;
  return Array.isArray(ours?.inherited) ? ours.inherited.map(String) : null;
}

/** Files that hold the chunks of a matrix, relative to its folder. */
export function* chunkFiles(node: ArrayNode): Generator<string> {
  const files = node.shard?.shape ?? node.chunks;
  const counts = node.shape.map((size, axis) => Math.ceil(size / files[axis]!));
  for (let row = 0; row < counts[0]!; row++) {
    for (let column = 0; column < (counts[1] ?? 1); column++) {
      yield node.fileKey(counts.length === 1 ? [row] : [row, column]);
    }
  }
}

/**
 * Streams the rows of a float matrix in order, in steps of its own chunks, as float32. The array handed out is valid
 * until the next one is asked for. InvalidInput where a chunk is missing or corrupt, unless `absent` is "fill".
 */
export async function* embeddingRows(
  node: ArrayNode,
  absent: 'error' | 'fill' = 'error',
): AsyncGenerator<{ readonly start: number; readonly rows: number; readonly values: Float32Array }> {
  const array = new NumberArray(node, absent);
  const step = node.chunks[0]!;
  for (let start = 0; start < array.rows; start += step) {
    const end = Math.min(start + step, array.rows);
    const values = await array.read(start, end);
    yield { start, rows: end - start, values: values instanceof Float32Array ? values : Float32Array.from(values) };
  }
}

/** Files and folders of one array lie here. */
export const obsmFolder = (store: string, key: string): string => join(store, 'obsm', key);
