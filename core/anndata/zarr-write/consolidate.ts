import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromSystemError, invalidInput } from '../../errors.js';
import { writeFileAtomic } from './atomic-file.js';
import { joinMembers, jsonMembers } from './json-members.js';
import type { ZarrFormat } from './metadata.js';

/** One metadata entry: path of its node ("" is the root), key in the consolidated document, JSON as it is on disk. */
interface Entry {
  readonly node: string;
  readonly key: string;
  readonly text: string;
}

const V2_FILES = ['.zarray', '.zattrs', '.zgroup'];

/** Format of the store by its root metadata; InvalidInput where there is none, or both kinds. */
export async function storeFormat(root: string): Promise<ZarrFormat> {
  const names = new Set(await list(root));
  const v2 = names.has('.zgroup') || names.has('.zarray');
  const v3 = names.has('zarr.json');
  if (v2 && v3) {
    throw invalidInput(
      `${root} has both zarr v2 and zarr v3 metadata at its root`,
      'Remove zarr.json or .zgroup, whichever does not belong to the store, or write the store anew.',
    );
  }
  if (v3) return 'zarr-v3';
  if (v2) return 'zarr-v2';
  throw invalidInput(
    `${root} is a folder without zarr metadata (no .zgroup, no zarr.json)`,
    'Give the path of the store itself (chunk_0.zarr); if it is one, its writing was interrupted: write it anew.',
  );
}

/**
 * Rebuilds the consolidated metadata of a store from the metadata files on disk, and replaces it atomically.
 * Folders without metadata are no nodes. Nodes for which `omit` holds (path like "obsm/X_pca") are left out with all below them. Entries are ordered by
 * depth, then path: zarr-python 3.1 fails on the whole store where siblings are not contiguous.
 */
export async function consolidate(root: string, omit: (node: string) => boolean = () => false): Promise<void> {
  const format = await storeFormat(root);
  const entries = await (format === 'zarr-v2' ? collectV2(root, '', omit) : collectV3(root, '', omit));
  const members = new Map(entries.sort(byDepthThenPath).map((entry) => [entry.key, entry.text]));
  if (format === 'zarr-v2') {
    const document = new Map([
      ['metadata', joinMembers(members)],
      ['zarr_consolidated_format', '1'],
    ]);
    await writeFileAtomic(join(root, '.zmetadata'), joinMembers(document));
    return;
  }
  const path = join(root, 'zarr.json');
  const document = membersOf(await read(path), path);
  const inline = new Map([
    ['kind', '"inline"'],
    ['must_understand', 'false'],
    ['metadata', joinMembers(members)],
  ]);
  document.set('consolidated_metadata', joinMembers(inline));
  await writeFileAtomic(path, joinMembers(document));
}

async function collectV2(root: string, node: string, omit: (node: string) => boolean): Promise<Entry[]> {
  const names = await list(join(root, node));
  const found = V2_FILES.filter((name) => names.includes(name));
  if (!found.includes('.zarray') && !found.includes('.zgroup')) return [];
  const entries: Entry[] = [];
  for (const name of found) {
    const path = join(root, node, name);
    const text = await read(path);
    membersOf(text, path);
    entries.push({ node, key: childPath(node, name), text: text.trim() });
  }
  if (found.includes('.zarray')) return entries;
  for (const child of await childFolders(root, node)) {
    if (!omit(child)) entries.push(...(await collectV2(root, child, omit)));
  }
  return entries;
}

async function collectV3(root: string, node: string, omit: (node: string) => boolean): Promise<Entry[]> {
  if (!(await list(join(root, node))).includes('zarr.json')) return [];
  const path = join(root, node, 'zarr.json');
  const members = membersOf(await read(path), path);
  members.delete('consolidated_metadata');
  const entries: Entry[] = node === '' ? [] : [{ node, key: node, text: joinMembers(members) }];
  if (members.get('node_type') === '"array"') return entries;
  for (const child of await childFolders(root, node)) {
    if (!omit(child)) entries.push(...(await collectV3(root, child, omit)));
  }
  return entries;
}

async function childFolders(root: string, node: string): Promise<string[]> {
  const entries = await readdir(join(root, node), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => childPath(node, entry.name));
}

const childPath = (node: string, name: string): string => (node === '' ? name : `${node}/${name}`);

const depth = (node: string): number => (node === '' ? 0 : node.split('/').length);

function byDepthThenPath(a: Entry, b: Entry): number {
  return depth(a.node) - depth(b.node) || compare(a.node, b.node) || compare(a.key, b.key);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw fromSystemError(error, folder);
  }
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw fromSystemError(error, path);
  }
}

function membersOf(text: string, path: string): Map<string, string> {
  try {
    return jsonMembers(text);
  } catch (error) {
    throw invalidInput(
      `${path} is not valid JSON: ${error instanceof Error ? error.message : String(error)}`,
      'The store is damaged: write it anew from its source.',
      error,
    );
  }
}
