import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError, invalidInput, type ObsmithError } from '../../errors.js';
import { type ArrayCodecs, parseV2Codecs, parseV3Codecs, type ShardLayout } from './codec-metadata.js';
import { type DType, parseV2DType, parseV3DType } from './dtype.js';

export type ZarrVersion = 2 | 3;
export type Attributes = Readonly<Record<string, unknown>>;

/** Where a node lies: `element` is its path inside the store ("" is the root), `folder` its absolute folder. */
interface NodePlace {
  readonly root: string;
  readonly element: string;
  readonly folder: string;
  readonly version: ZarrVersion;
  readonly attributes: Attributes;
}

export interface GroupNode extends NodePlace {
  readonly kind: 'group';
}

/** What `.zarray` or an array's `zarr.json` says, in one shape for both versions. */
export interface ArrayNode extends NodePlace, ArrayCodecs {
  readonly kind: 'array';
  readonly shape: readonly number[];
  /** Shape of the chunks that are decoded one by one: inside a shard, its inner chunks. */
  readonly chunks: readonly number[];
  /** Set where several chunks lie in one file. */
  readonly shard: ShardLayout | null;
  readonly dtype: DType;
  /** As in JSON: number, boolean, string ("NaN"), or null. */
  readonly fillValue: unknown;
  /** Key of the file that holds a chunk (or a shard) at these grid coordinates, relative to `folder`. */
  fileKey(coordinates: readonly number[]): string;
}

export type ZarrNode = GroupNode | ArrayNode;

const REWRITE = 'Restore the file from its source, or write the store again with anndata.';

/** Version of the store at `root`. @throws InvalidInput where there is no store, or metadata of both versions. */
export function storeVersion(root: string): ZarrVersion {
  const v3 = exists(join(root, 'zarr.json'));
  const v2 = exists(join(root, '.zgroup')) || exists(join(root, '.zarray'));
  if (v2 && v3) {
    throw invalidInput(
      `${root} has root metadata of both zarr versions (.zgroup and zarr.json)`,
      'Remove the metadata of the version that does not belong there, or write the store again with anndata.',
    );
  }
  if (v3) return 3;
  if (v2) return 2;
  if (!exists(root))
    throw invalidInput(`Input file not found: ${root}`, 'Check the path and that earlier steps wrote it.');
  throw invalidInput(`${root} is not a zarr store: expected .zgroup or zarr.json in it`, REWRITE);
}

/** Metadata of one group or array as it lies on disk, or null where there is none. Consolidated metadata is never consulted. */
export function readNode(root: string, version: ZarrVersion, element: string): ZarrNode | null {
  checkElement(root, element);
  const folder = element === '' ? root : join(root, element);
  return version === 2 ? readV2(root, element, folder) : readV3(root, element, folder);
}

export function readArrayNode(root: string, version: ZarrVersion, element: string): ArrayNode {
  const node = readNode(root, version, element);
  if (node?.kind === 'array') return node;
  throw invalidInput(`expected an array at ${element} in ${root}, found ${node ? 'a group' : 'nothing'}`, REWRITE);
}

export function readGroupNode(root: string, version: ZarrVersion, element: string): GroupNode {
  const node = readNode(root, version, element);
  if (node?.kind === 'group') return node;
  throw invalidInput(
    `expected a group at ${element || 'the root'} in ${root}, found ${node ? 'an array' : 'nothing'}`,
    REWRITE,
  );
}

/** Names of the metadata files that a node of this version may have. */
export const metadataFiles = (version: ZarrVersion): readonly string[] =>
  version === 2 ? ['.zarray', '.zgroup', '.zattrs'] : ['zarr.json'];

function checkElement(root: string, element: string): void {
  if (element === '') return;
  if (element.split('/').some((part) => part === '' || part === '.' || part === '..' || part.includes('\\'))) {
    throw invalidInput(
      `"${element}" is not the name of an element in ${root}`,
      'Use names as AnnData shows them, e.g. layers/counts.',
    );
  }
}

function readV2(root: string, element: string, folder: string): ZarrNode | null {
  const file = join(folder, '.zarray');
  const array = readJson(file);
  if (array === null && readJson(join(folder, '.zgroup')) === null) return null;
  const attributes = readJson(join(folder, '.zattrs')) ?? {};
  const place = { root, element, folder, version: 2 as const, attributes };
  if (array === null) return { kind: 'group', ...place };

  const shape = sizes(array.shape, 'shape', file);
  const chunks = chunkSizes(array.chunks, shape, 'chunks', file);
  const codecs = parseV2Codecs(array);
  const separator = array.dimension_separator === '/' ? '/' : '.';
  return {
    kind: 'array',
    ...place,
    ...codecs,
    shape,
    chunks,
    shard: null,
    dtype: parseV2DType(array.dtype, codecs.filters),
    fillValue: array.fill_value ?? null,
    fileKey: (coordinates) => (coordinates.length === 0 ? '0' : coordinates.join(separator)),
  };
}

function readV3(root: string, element: string, folder: string): ZarrNode | null {
  const file = join(folder, 'zarr.json');
  const node = readJson(file);
  if (node === null) return null;
  const attributes = isObject(node.attributes) ? node.attributes : {};
  const place = { root, element, folder, version: 3 as const, attributes };
  if (node.node_type === 'group') return { kind: 'group', ...place };
  if (node.node_type !== 'array') throw badMetadata(file, 'node_type "group" or "array"', node.node_type);

  const shape = sizes(node.shape, 'shape', file);
  const grid = node.chunk_grid as { name?: unknown; configuration?: { chunk_shape?: unknown } } | undefined;
  if (grid?.name !== 'regular') throw badMetadata(file, 'chunk_grid "regular"', grid?.name);
  const outer = chunkSizes(grid.configuration?.chunk_shape, shape, 'chunk_shape', file);
  const codecs = parseV3Codecs(node.codecs, shape.length);
  if (codecs === null) throw badMetadata(file, 'a list of codecs', node.codecs);
  const { innerChunks, ...arrayCodecs } = codecs;
  return {
    kind: 'array',
    ...place,
    ...arrayCodecs,
    shape,
    chunks: innerChunks === null ? outer : chunkSizes(innerChunks, shape, 'chunk_shape of sharding_indexed', file),
    shard: codecs.shard === null ? null : { ...codecs.shard, shape: outer },
    dtype: parseV3DType(node.data_type, codecs.bigEndian),
    fillValue: node.fill_value ?? null,
    fileKey: v3FileKey(node.chunk_key_encoding, file),
  };
}

function v3FileKey(encoding: unknown, file: string): (coordinates: readonly number[]) => string {
  const { name, configuration } = (encoding ?? {}) as { name?: unknown; configuration?: { separator?: unknown } };
  if (name === 'default') {
    const separator = configuration?.separator === '.' ? '.' : '/';
    return (coordinates) => ['c', ...coordinates].join(separator);
  }
  if (name === 'v2') {
    const separator = configuration?.separator === '/' ? '/' : '.';
    return (coordinates) => (coordinates.length === 0 ? '0' : coordinates.join(separator));
  }
  throw badMetadata(file, 'chunk_key_encoding "default" or "v2"', name);
}

function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
    throw fromSystemError(error, path);
  }
}

/** A JSON object from a metadata file, or null where the file is absent. @throws InvalidInput that names a corrupt file */
export function readJson(file: string): Record<string, unknown> | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw fromSystemError(error, file);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalidInput(`${file} is not valid JSON: ${(error as Error).message}`, REWRITE, error);
  }
  if (!isObject(value)) throw badMetadata(file, 'a JSON object', value);
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sizes(value: unknown, key: string, file: string): number[] {
  if (!Array.isArray(value) || !value.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw badMetadata(file, `${key}: a list of sizes`, value);
  }
  return value;
}

/** anndata writes chunk size 0 for empty arrays; there are no chunks then, and 1 keeps the arithmetic defined. */
function chunkSizes(value: unknown, shape: readonly number[], key: string, file: string): number[] {
  const chunks = sizes(value, key, file);
  const wrong = chunks.length !== shape.length || chunks.some((size, axis) => size === 0 && shape[axis] !== 0);
  if (wrong) throw badMetadata(file, `${key}: ${shape.length} sizes above 0`, value);
  return chunks.map((size) => Math.max(1, size));
}

function badMetadata(file: string, expected: string, found: unknown): ObsmithError {
  return invalidInput(`${file}: expected ${expected}, found ${JSON.stringify(found)}`, REWRITE);
}
