import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError } from '../../errors.js';
import { metadataFiles, type ZarrNode } from './metadata.js';

const READ_BYTES = 2 ** 20;

/** Files of a group or array below its folder: metadata and chunks, in code point order. Other hidden files are not ours. */
function elementFiles(node: ZarrNode, folder = ''): string[] {
  const path = join(node.folder, folder);
  const metadata = metadataFiles(node.version);
  const entries = readdirSync(path, { withFileTypes: true }).filter(
    ({ name }) => !name.startsWith('.') || metadata.includes(name),
  );
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const file = folder === '' ? entry.name : `${folder}/${entry.name}`;
      return entry.isDirectory() ? elementFiles(node, file) : [file];
    });
}

/** sha256 over names, sizes and bytes of all files of an element. */
export function digestElement(node: ZarrNode): string {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  for (const file of elementFiles(node)) {
    const path = join(node.folder, file);
    try {
      hash.update(`${file}\0${statSync(path).size}\0`);
      const fd = openSync(path, 'r');
      try {
        for (let read = readSync(fd, buffer); read > 0; read = readSync(fd, buffer))
          hash.update(buffer.subarray(0, read));
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      throw fromSystemError(error, path);
    }
  }
  return hash.digest('hex');
}

/** sha256 over names, sizes and modification times (ns) of all files of some elements. */
export function fingerprintElements(nodes: readonly ZarrNode[]): string {
  const hash = createHash('sha256');
  for (const node of nodes) {
    hash.update(`${node.element}\n`);
    for (const file of elementFiles(node)) {
      const path = join(node.folder, file);
      try {
        const { size, mtimeNs } = statSync(path, { bigint: true });
        hash.update(`${file}\0${size}\0${mtimeNs}\n`);
      } catch (error) {
        throw fromSystemError(error, path);
      }
    }
  }
  return hash.digest('hex');
}
