import { invalidInput } from '../errors.js';
import { EntrySpool } from './entry-spool.js';
import { readMatrixMarket } from './matrix-market.js';
import type { ImportSource } from './source.js';
import { type TenxFeatures, tenxCandidate, tenxLeftOut } from './tenx-candidate.js';

/** A file, or an entry of an archive, already decompressed. */
export interface NamedContent {
  readonly name: string;
  readonly content: AsyncIterable<Uint8Array>;
}

type Part = 'matrix' | 'features' | 'barcodes';

/** What a file name is in a 10x folder (a prefix as in "GSM1_matrix.mtx.gz" is tolerated); null for all others, stray `._*` files among them. */
export function tenxPart(name: string): Part | null {
  const base = name.slice(name.lastIndexOf('/') + 1);
  if (base.startsWith('.')) return null;
  if (/matrix\.mtx(\.gz)?$/.test(base)) return 'matrix';
  if (/(features|genes)\.tsv(\.gz)?$/.test(base)) return 'features';
  return /barcodes\.tsv(\.gz)?$/.test(base) ? 'barcodes' : null;
}

/**
 * Reads the three files of a 10x folder, in any order; the matrix goes through temporary files in `spoolFolder`.
 * InvalidInput where one is missing or there twice, or where their sizes disagree.
 */
export async function readTenxText(
  entries: AsyncIterable<NamedContent>,
  path: string,
  spoolFolder: string,
): Promise<ImportSource> {
  const found = new Map<Part, string>();
  const lines = { features: [] as string[], barcodes: [] as string[] };
  let matrix: { spool: EntrySpool; cells: number; features: number } | undefined;
  for await (const { name, content } of entries) {
    const part = tenxPart(name);
    if (part === null) continue;
    if (found.has(part)) throw severalFiles(path, part, found.get(part)!, name);
    found.set(part, name);
    if (part === 'matrix') matrix = await spoolMatrix(content, `${path}: ${name}`, spoolFolder);
    else lines[part] = await readLines(content);
  }
  const missing = (['matrix', 'features', 'barcodes'] as const).filter((part) => !found.has(part));
  if (!matrix || missing.length > 0) throw missingFiles(path, missing);

  const features = parseFeatures(lines.features);
  const { spool, cells } = matrix;
  if (matrix.features !== features.ids.length || cells !== lines.barcodes.length) {
    throw invalidInput(
      `${path}: ${found.get('matrix')} is ${matrix.features} features x ${cells} barcodes, but ${found.get('features')} has ${features.ids.length} lines and ${found.get('barcodes')} has ${lines.barcodes.length}`,
      'The files do not belong together, or one is truncated: copy or export them again.',
    );
  }
  return {
    path,
    format: '10x-mtx',
    cells,
    candidates: [tenxCandidate(features, () => spool.rowBlocks())],
    cellNames: async () => lines.barcodes.map((line) => line.split('\t', 1)[0]!),
    cellColumns: async () => new Map(),
    carry: async () => ({ elements: [], leftOut: tenxLeftOut(features) }),
    close: async () => {},
  };
}

async function spoolMatrix(content: AsyncIterable<Uint8Array>, path: string, folder: string) {
  let shape = { cells: 0, features: 0 };
  let spool: EntrySpool | undefined;
  await readMatrixMarket(content, path, {
    size({ rows, columns }) {
      shape = { cells: columns, features: rows };
      spool = new EntrySpool(folder, path, shape);
    },
    entry: (feature, cell, value) => spool!.add(cell, feature, value),
    flush: async () => spool?.flush(),
  });
  await spool!.flush(true);
  return { spool: spool!, ...shape };
}

async function readLines(content: AsyncIterable<Uint8Array>): Promise<string[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  const text = Buffer.concat(pieces).toString('utf8').replace(/\r/g, '');
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** id, name, type (absent before CellRanger 3), further columns ignored; a missing name is the id. */
function parseFeatures(lines: readonly string[]): TenxFeatures {
  const fields = lines.map((line) => line.split('\t'));
  return {
    ids: fields.map((field) => field[0]!),
    names: fields.map((field) => field[1] ?? field[0]!),
    types: fields.every((field) => field.length >= 3) ? fields.map((field) => field[2]!) : null,
    more: new Map(),
  };
}

function severalFiles(path: string, part: Part, first: string, second: string): Error {
  return invalidInput(
    `${path} has several ${part} files: ${first} and ${second}`,
    'Give each 10x matrix a folder of its own and import the folders.',
  );
}

function missingFiles(path: string, missing: readonly Part[]): Error {
  const names = {
    matrix: 'matrix.mtx(.gz)',
    features: 'features.tsv(.gz) or genes.tsv(.gz)',
    barcodes: 'barcodes.tsv(.gz)',
  };
  return invalidInput(
    `${path} is no 10x matrix: it has no ${missing.map((part) => names[part]).join(' and no ')}`,
    'Give the folder (or its .tar.gz) with the three files that CellRanger wrote.',
  );
}
