import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isHdf5, openHdf5 } from '../anndata/h5ad/file.js';
import { fromSystemError, invalidInput } from '../errors.js';
import { openAnnDataSource } from './anndata-source.js';
import { decompressed, fileContent } from './decompressed.js';
import type { ImportSource } from './source.js';
import { tarEntries } from './tar.js';
import { openTenxH5, tenxGroup } from './tenx-h5-source.js';
import { type NamedContent, readTenxText, tenxPart } from './tenx-text.js';

export type SourceKind = 'anndata' | '10x-h5' | '10x-folder' | '10x-archive';

/** What an input is, by its content (its name decides only for archives). InvalidInput where it is nothing that can be imported. */
export async function sourceKind(path: string): Promise<SourceKind> {
  try {
    if ((await stat(path)).isDirectory()) return folderKind(path, await readdir(path));
  } catch (error) {
    throw fromSystemError(error, path);
  }
  if (/\.(tar|tar\.gz|tgz)$/i.test(path)) return '10x-archive';
  if (!(await isHdf5(path))) {
    throw invalidInput(
      `${path} is neither HDF5 (h5ad, 10x h5) nor a .tar.gz of a 10x folder`,
      'Give an .h5ad, a 10x .h5, or the folder with matrix.mtx, features.tsv and barcodes.tsv.',
    );
  }
  const file = await openHdf5(path);
  try {
    return tenxGroup(file) === null ? 'anndata' : '10x-h5';
  } finally {
    file.close();
  }
}

function folderKind(path: string, names: readonly string[]): SourceKind {
  if (names.includes('.zgroup') || names.includes('zarr.json')) return 'anndata';
  if (names.some((name) => tenxPart(name) === 'matrix')) return '10x-folder';
  throw invalidInput(
    `${path} is a folder without matrix.mtx(.gz); it has: ${names.slice(0, 10).join(', ') || 'nothing'}`,
    'Give the folder that holds matrix.mtx, features.tsv and barcodes.tsv themselves, e.g. filtered_feature_bc_matrix.',
  );
}

/** Opens an input. `spoolFolder` takes temporary files of text matrices. */
export async function openSource(
  path: string,
  kind: SourceKind,
  options: { readonly countLayerKey: string | null; readonly spoolFolder: string },
): Promise<ImportSource> {
  if (kind === 'anndata') return openAnnDataSource(path, options.countLayerKey);
  if (kind === '10x-h5') return openTenxH5(path);
  const entries = kind === '10x-folder' ? folderEntries(path) : archiveEntries(path);
  return readTenxText(entries, path, options.spoolFolder);
}

async function* folderEntries(path: string): AsyncGenerator<NamedContent> {
  for (const name of (await readdir(path)).sort()) {
    if (tenxPart(name) !== null) yield { name, content: fileContent(join(path, name)) };
  }
}

async function* archiveEntries(path: string): AsyncGenerator<NamedContent> {
  const archive = decompressed(createReadStream(path, { highWaterMark: 1024 * 1024 }), path);
  for await (const { name, content } of tarEntries(archive, path)) {
    if (tenxPart(name) !== null) yield { name, content: decompressed(content, `${path}: ${name}`) };
  }
}
