import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatasetFile } from '../dataset/dataset-file.js';
import { invalidInput, isObsmithError } from '../errors.js';
import { loadGeneList } from '../methods/gene-lists.js';
import type { GroupElement } from './h5ad/element.js';
import { inheritedKeys, type Provenance, provenanceOf, readObsmNode } from './obsm/obsm-array.js';
import { isFolder, openAnnData } from './open.js';
import type { AnnData, Column, MatrixInfo, MatrixPath, StoreFormat } from './types.js';
import { storeVersion } from './zarr/metadata.js';

/** What `obsmith inspect` shows of one store. */
export interface StoreInspection {
  readonly kind: 'store';
  readonly path: string;
  readonly format: StoreFormat;
  readonly cells: number;
  readonly genes: number;
  /** X, layers/... and raw/X, those that there are. */
  readonly matrices: Readonly<Record<string, MatrixInfo>>;
  readonly obs: readonly ColumnInspection[];
  readonly var: readonly ColumnInspection[];
  readonly obsm: readonly ObsmInspection[];
  /** Keys of the other mappings. */
  readonly varm: readonly string[];
  readonly obsp: readonly string[];
  readonly varp: readonly string[];
  readonly uns: readonly string[];
}

export interface ColumnInspection {
  readonly name: string;
  readonly kind: Column['kind'] | 'unreadable';
  /** numpy-style name of numbers; number of categories; null otherwise. */
  readonly dtype: string | null;
  readonly categories: number | null;
  /** Why the column cannot be read (kind "unreadable"), else null. */
  readonly problem: string | null;
}

export interface ObsmInspection {
  readonly key: string;
  /** Null for data frames and sparse matrices. */
  readonly shape: readonly number[] | null;
  readonly dtype: string | null;
  /** Null where the format has none (h5ad without chunks). */
  readonly chunks: readonly number[] | null;
  /** Codecs in the order of decoding; null for h5ad. */
  readonly codecs: readonly string[] | null;
  /** Attribute `obsmith`: method, parameters, digests... Null where others made the array. */
  readonly provenance: Provenance | null;
  /** True where the output only has it because its input had it. */
  readonly inherited: boolean;
  /** Genes that the array was computed from, where provenance lists them or names a bundled list. */
  readonly genes: readonly string[] | null;
}

/** A data-set folder: what its dataset.json says. */
export interface DatasetInspection {
  readonly kind: 'dataset';
  readonly path: string;
  readonly dataset: DatasetFile;
}

export type Inspection = StoreInspection | DatasetInspection;

/**
 * What is in a store, or in a data-set folder with a dataset.json. Reads metadata and the obs and var columns, no matrix.
 * InvalidInput where there is neither.
 */
export async function inspectStore(path: string): Promise<Inspection> {
  const dataset = (await isFolder(path)) ? await readDatasetFile(path) : null;
  if (dataset !== null) return { kind: 'dataset', path, dataset };
  const store = await openAnnData(path);
  try {
    return {
      kind: 'store',
      path,
      format: store.format,
      cells: store.cells,
      genes: store.genes,
      matrices: await matricesOf(store),
      obs: await columnsOf(store, 'obs'),
      var: await columnsOf(store, 'var'),
      obsm: store.format === 'h5ad' ? await h5adObsm(path) : await zarrObsm(store),
      varm: await store.keys('varm'),
      obsp: await store.keys('obsp'),
      varp: await store.keys('varp'),
      uns: await store.keys('uns'),
    };
  } finally {
    await store.close();
  }
}

async function readDatasetFile(folder: string): Promise<DatasetFile | null> {
  const file = join(folder, 'dataset.json');
  try {
    return JSON.parse(await readFile(file, 'utf8')) as DatasetFile;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw invalidInput(
      `${file} cannot be read: ${String(error)}`,
      'Run `obsmith run` again: it writes the file anew.',
      error,
    );
  }
}

async function matricesOf(store: AnnData): Promise<Record<string, MatrixInfo>> {
  const layers = (await store.keys('layers')).map((name): MatrixPath => `layers/${name}`);
  const matrices: Record<string, MatrixInfo> = {};
  for (const path of ['X', ...layers, 'raw/X'] as const) {
    const info = await store.matrix(path);
    if (info !== null) matrices[path] = info;
  }
  return matrices;
}

async function columnsOf(store: AnnData, axis: 'obs' | 'var'): Promise<ColumnInspection[]> {
  const columns: ColumnInspection[] = [];
  for (const name of await store.keys(axis)) columns.push(await inspectColumn(store, axis, name));
  return columns;
}

async function inspectColumn(store: AnnData, axis: 'obs' | 'var', name: string): Promise<ColumnInspection> {
  try {
    const column = await store.column(axis, name);
    return {
      name,
      kind: column.kind,
      dtype: column.kind === 'numbers' ? (column.dtype ?? null) : null,
      categories: column.kind === 'categories' ? column.categories.length : null,
      problem: null,
    };
  } catch (error) {
    if (!isObsmithError(error) || error.type !== 'InvalidInput') throw error;
    return { name, kind: 'unreadable', dtype: null, categories: null, problem: error.message };
  }
}

async function zarrObsm(store: AnnData): Promise<ObsmInspection[]> {
  const version = storeVersion(store.path);
  const inherited = inheritedKeys(store.path, version) ?? [];
  const arrays: ObsmInspection[] = [];
  for (const key of await store.keys('obsm')) {
    const node = readObsmNode(store.path, key, version);
    const known = { ...NOT_AN_ARRAY, key, inherited: inherited.includes(key) };
    if (node === null || node === 'group') {
      arrays.push(known);
      continue;
    }
    const provenance = provenanceOf(node);
    arrays.push({
      ...known,
      shape: node.shape,
      dtype: node.dtype.name,
      chunks: node.chunks,
      codecs: node.foreign === null ? node.codecs.map((codec) => codec.name) : [node.foreign],
      provenance,
      genes: provenance === null ? null : await genesOf(provenance),
    });
  }
  return arrays;
}

async function genesOf({ genes, geneList }: Provenance): Promise<readonly string[] | null> {
  if (Array.isArray(genes)) return genes.map(String);
  return geneList === 'gs' || geneList === 'gs10k' ? (await loadGeneList(geneList)).genes : null;
}

const NOT_AN_ARRAY = { shape: null, dtype: null, chunks: null, codecs: null, provenance: null, genes: null } as const;

async function h5adObsm(path: string): Promise<ObsmInspection[]> {
  const { openH5adTree } = await import('./h5ad/reader.js');
  const { root, close } = await openH5adTree(path);
  try {
    const obsm = root.get('obsm') as GroupElement;
    return obsm.keys.map((key) => {
      const element = obsm.get(key);
      const described = element?.kind === 'array' ? { shape: element.shape, dtype: element.dtype as string } : {};
      return { ...NOT_AN_ARRAY, ...described, key, inherited: false };
    });
  } finally {
    close();
  }
}
