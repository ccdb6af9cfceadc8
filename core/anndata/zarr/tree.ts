import { readdirSync } from 'node:fs';
import { fromSystemError, invalidInput } from '../../errors.js';
import type { Attributes, Element, GroupElement } from '../h5ad/element.js';
import { encodeNumbers } from '../zarr-write/numbers.js';
import { NumberArray, readStrings } from './array.js';
import { type ArrayNode, type GroupNode, readGroupNode, readNode, storeVersion } from './metadata.js';

/** Bytes that are read together at most, in whole rows of chunks. */
const READ_BYTES = 8 * 1024 * 1024;

/** What a zarr store of either version holds, for taking parts of it. InvalidInput for types that have no counterpart. */
export function openZarrTree(root: string): GroupElement {
  return groupElement(readGroupNode(root, storeVersion(root), ''));
}

function groupElement(group: GroupNode): GroupElement {
  const { root, version, element } = group;
  const path = (name: string): string => (element === '' ? name : `${element}/${name}`);
  return {
    kind: 'group',
    where: whereIs(group),
    attributes: group.attributes as Attributes,
    keys: foldersIn(group).filter((name) => readNode(root, version, path(name)) !== null),
    get(name) {
      const node = readNode(root, version, path(name));
      if (node === null) return null;
      return node.kind === 'group' ? groupElement(node) : arrayElement(node);
    },
  };
}

const whereIs = ({ root, element }: { root: string; element: string }): string => `${element} in ${root}`;

/** Hidden folders are work in progress of someone. */
function foldersIn({ folder }: GroupNode): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name)
      .sort((a, b) => (a < b ? -1 : 1));
  } catch (error) {
    throw fromSystemError(error, folder);
  }
}

function arrayElement(node: ArrayNode): Element {
  const { shape, dtype } = node;
  const base = { where: whereIs(node), attributes: node.attributes as Attributes, shape };
  if (dtype.kind === 'number') {
    const array = new NumberArray(node);
    const stepBytes = (node.chunks[0] ?? 1) * array.rowSize * dtype.bytes;
    return {
      ...base,
      kind: 'array',
      dtype: dtype.name,
      rowsPerRead: (node.chunks[0] ?? 1) * Math.max(1, Math.floor(READ_BYTES / Math.max(1, stepBytes))),
      read: async (start, end) => bytesOf(encodeNumbers(await array.read(start, end), dtype.name)),
    };
  }
  if (dtype.kind === 'unsupported' || shape.length > 1) {
    throw invalidInput(
      `${base.where} holds ${dtype.kind === 'unsupported' ? dtype.name : 'strings on several axes'}`,
      'Remove the element, or store it as numbers, booleans or a vector of strings.',
    );
  }
  let all: Promise<string[]> | undefined;
  const read = async (start: number, end: number): Promise<string[]> => {
    all ??= readStrings(node);
    return (await all).slice(start, end);
  };
  return { ...base, kind: 'strings', read };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
