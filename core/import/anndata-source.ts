import { openAnnData } from '../anndata/open.js';
import type { AnnData, Column, MatrixPath } from '../anndata/types.js';
import { invalidInput } from '../errors.js';
import type { CountCandidate, ImportSource } from './source.js';
import type { FileReport } from './types.js';

/** Cells of a block: few, because blocks are copied per split. */
const BLOCK_ROWS = 1024;

/** An h5ad file or AnnData zarr store. Candidates in order: raw/X, then the named layer, or X and layers/counts where none is named. */
export async function openAnnDataSource(path: string, countLayerKey: string | null): Promise<ImportSource> {
  const store = await openAnnData(path);
  const layers = await store.keys('layers');
  if (countLayerKey !== null && !layers.includes(countLayerKey)) {
    await store.close();
    throw invalidInput(
      `${path} has no layer "${countLayerKey}"; it has: ${layers.join(', ') || 'none'}`,
      'Name a layer that is there (--count-layer), or leave it out to have the counts found.',
    );
  }
  const paths: MatrixPath[] = countLayerKey === null ? ['raw/X', 'X'] : ['raw/X', `layers/${countLayerKey}`];
  if (countLayerKey === null && layers.includes('counts')) paths.push('layers/counts');
  const candidates = await Promise.all(paths.map((matrix) => candidate(store, matrix)));
  return {
    path,
    format: store.format === 'h5ad' ? 'h5ad' : 'zarr',
    cells: store.cells,
    candidates: candidates.filter((found) => found !== null),
    cellNames: () => store.names('obs'),
    cellColumns: () => columns(store, 'obs'),
    leftOut: (counts) => leftOut(store, counts),
    close: () => store.close(),
  };
}

async function candidate(store: AnnData, path: MatrixPath): Promise<CountCandidate | null> {
  const matrix = await store.matrix(path);
  if (matrix === null) return null;
  const axis = path === 'raw/X' ? 'raw/var' : 'var';
  return {
    element: path,
    genes: matrix.columns,
    geneNames: () => store.names(axis),
    geneColumns: async () => {
      const own = await columns(store, axis);
      return axis === 'raw/var' && (await hasSameGenes(store))
        ? new Map([...own, ...(await columns(store, 'var'))])
        : own;
    },
    notGenes: async () => null,
    rowBlocks: () => store.rowBlocks(path, { blockRows: BLOCK_ROWS }),
  };
}

/** Where raw has the same genes, var says at least as much about them. */
async function hasSameGenes(store: AnnData): Promise<boolean> {
  const [raw, current] = await Promise.all([store.names('raw/var'), store.names('var')]);
  return raw.length === current.length && raw.every((name, gene) => name === current[gene]);
}

async function columns(store: AnnData, axis: 'obs' | 'var' | 'raw/var'): Promise<Map<string, Column>> {
  const found = new Map<string, Column>();
  for (const name of await store.keys(axis)) found.set(name, await store.column(axis, name));
  return found;
}

const NOT_CARRIED = 'import carries counts, obs and var';

/** All that is neither obs, var nor the counts: chunks are normalised anew, so most of it would no longer belong to them. */
async function leftOut(store: AnnData, counts: CountCandidate): Promise<FileReport['leftOut']> {
  const left: { element: string; reason: string }[] = [];
  if (counts.element !== 'X' && (await store.matrix('X')))
    left.push({ element: 'X', reason: `${counts.element} holds the raw counts; X is normalised anew` });
  for (const group of ['layers', 'obsm', 'varm', 'obsp', 'varp', 'uns'] as const) {
    for (const key of await store.keys(group)) {
      if (`${group}/${key}` !== counts.element) left.push({ element: `${group}/${key}`, reason: NOT_CARRIED });
    }
  }
  return left;
}
