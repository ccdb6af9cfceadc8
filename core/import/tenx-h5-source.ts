import { type Dataset, type File, Group } from 'h5wasm/node';
import { type H5Type, isString, numericDtype, readBytes, readStrings } from '../anndata/h5ad/dataset.js';
import { openHdf5 } from '../anndata/h5ad/file.js';
import { numbersOf } from '../anndata/h5ad/values.js';
import type { BlockValues, SparseBlock } from '../anndata/types.js';
import { invalidInput } from '../errors.js';
import { withSortedRows } from './sorted-rows.js';
import type { ImportSource } from './source.js';
import { type TenxFeatures, tenxCandidate, tenxLeftOut } from './tenx-candidate.js';

/** Few cells at a time: HDF5's heap never shrinks. */
const BLOCK_ROWS = 2048;

/** The group of a 10x matrix: `matrix` since CellRanger 3, one group per genome before; null where the file is none of 10x. */
export function tenxGroup(file: File): Group | null {
  const groups = file.keys().filter((key) => isMatrixGroup(file.get(key)));
  if (groups.length === 0) return null;
  if (groups.length > 1) {
    throw invalidInput(
      `${file.filename} holds several genomes (${groups.join(', ')}), one was expected`,
      'Export each genome to a file of its own.',
    );
  }
  return file.get(groups[0]!) as Group;
}

function isMatrixGroup(node: unknown): node is Group {
  if (!(node instanceof Group)) return false;
  const keys = node.keys();
  return ['barcodes', 'data', 'indices', 'indptr', 'shape'].every((key) => keys.includes(key));
}

/** Opens a 10x HDF5 matrix (features x barcodes, compressed by barcode: rows of cells as they are). */
export async function openTenxH5(path: string): Promise<ImportSource> {
  const file = await openHdf5(path);
  const group = tenxGroup(file);
  if (group === null) {
    file.close();
    throw invalidInput(
      `${path} holds no 10x matrix`,
      'Give a file that CellRanger wrote, e.g. filtered_feature_bc_matrix.h5.',
    );
  }
  const [features, cells] = await numbers(path, group, 'shape');
  const indptr = await numbers(path, group, 'indptr');
  const barcodes = await strings(path, group, 'barcodes');
  const described = await readFeatures(path, group);
  checkLengths(path, {
    cells: cells!,
    indptr: indptr.length,
    barcodes: barcodes.length,
    features: features!,
    described: described.ids.length,
  });
  return {
    path,
    format: '10x-h5',
    cells: cells!,
    candidates: [tenxCandidate(described, () => rowBlocks(path, group, indptr, features!))],
    cellNames: async () => barcodes,
    cellColumns: async () => new Map(),
    carry: async () => ({ elements: [], leftOut: tenxLeftOut(described) }),
    close: async () => {
      file.close();
    },
  };
}

/** CellRanger 3 has a group of features; probe files name the gene of each probe in `gene_id`. Before, two datasets. */
async function readFeatures(path: string, group: Group): Promise<TenxFeatures> {
  const keys = group.keys();
  if (!keys.includes('features')) {
    return {
      ids: await strings(path, group, 'genes'),
      names: await strings(path, group, 'gene_names'),
      types: null,
      more: new Map(),
    };
  }
  const features = group.get('features') as Group;
  const more = new Map<string, string[]>();
  const probes = features.keys().includes('gene_id');
  if (probes) more.set('probe_ids', await strings(path, features, 'id'));
  if (features.keys().includes('genome')) more.set('genome', await strings(path, features, 'genome'));
  return {
    ids: await strings(path, features, probes ? 'gene_id' : 'id'),
    names: await strings(path, features, 'name'),
    types: await strings(path, features, 'feature_type'),
    more,
  };
}

function checkLengths(
  path: string,
  found: Record<'cells' | 'indptr' | 'barcodes' | 'features' | 'described', number>,
): void {
  if (found.barcodes === found.cells && found.indptr === found.cells + 1 && found.described === found.features) return;
  throw invalidInput(
    `${path}: the matrix is ${found.features} features x ${found.cells} barcodes, but there are ${found.described} features, ${found.barcodes} barcodes and ${found.indptr} column pointers`,
    'The file is damaged: copy or export it again.',
  );
}

async function* rowBlocks(
  path: string,
  group: Group,
  indptr: BlockValues,
  columns: number,
): AsyncIterable<SparseBlock> {
  const cells = indptr.length - 1;
  for (let start = 0; start < cells; start += BLOCK_ROWS) {
    const rows = Math.min(BLOCK_ROWS, cells - start);
    const from = indptr[start]!;
    const to = indptr[start + rows]!;
    const block: SparseBlock = {
      kind: 'sparse',
      start,
      rows,
      columns,
      indptr: Int32Array.from({ length: rows + 1 }, (_, row) => indptr[start + row]! - from),
      indices: Int32Array.from(await numbers(path, group, 'indices', from, to)),
      values: await numbers(path, group, 'data', from, to),
    };
    yield withSortedRows(block, path);
  }
}

async function numbers(path: string, group: Group, name: string, start = 0, end?: number): Promise<BlockValues> {
  const found = dataset(path, group, name);
  const dtype = numericDtype(found.metadata as H5Type);
  if (dtype === null) throw unexpected(path, group, name, 'numbers');
  const bytes = await readBytes(path, found, start, end ?? found.shape?.[0] ?? 0);
  return numbersOf(bytes, dtype, `${path}: ${name}`);
}

async function strings(path: string, group: Group, name: string): Promise<string[]> {
  const found = dataset(path, group, name);
  if (!isString(found.metadata as H5Type)) throw unexpected(path, group, name, 'strings');
  return readStrings(path, found, 0, found.shape?.[0] ?? 0);
}

function dataset(path: string, group: Group, name: string): Dataset {
  const node = group.get(name);
  if (node === null || !('metadata' in node)) throw unexpected(path, group, name, 'a dataset');
  return node as Dataset;
}

function unexpected(path: string, group: Group, name: string, kind: string): Error {
  return invalidInput(
    `${path}: ${group.path}/${name} was expected to be ${kind}, as in a 10x matrix; the group has: ${group.keys().join(', ')}`,
    'Give a file that CellRanger wrote, or convert it to .h5ad.',
  );
}
