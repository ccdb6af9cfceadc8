import { type Element, encodingType, type GroupElement } from '../anndata/h5ad/element.js';
import { openAnnData, openTree } from '../anndata/open.js';
import { partProblem } from '../anndata/parts/write-part.js';
import type { AnnData, MatrixPath } from '../anndata/types.js';
import { invalidInput } from '../errors.js';
import { carriedOf } from './carried.js';
import type { SourceColumn } from './columns.js';
import type { CountCandidate, ImportSource } from './source.js';

/** Cells of a block: few, because blocks are copied per split. */
const BLOCK_ROWS = 1024;

/** An h5ad file or AnnData zarr store. Candidates in order: raw/X, then the named layer, or X and layers/counts where none is named. */
export async function openAnnDataSource(path: string, countLayerKey: string | null): Promise<ImportSource> {
  const store = await openAnnData(path);
  const tree = await openTree(path);
  const layers = await store.keys('layers');
  if (countLayerKey !== null && !layers.includes(countLayerKey)) {
    tree.close();
    await store.close();
    throw invalidInput(
      `${path} has no layer "${countLayerKey}"; it has: ${layers.join(', ') || 'none'}`,
      'Name a layer that is there (--count-layer), or leave it out to have the counts found.',
    );
  }
  const paths: MatrixPath[] = countLayerKey === null ? ['raw/X', 'X'] : ['raw/X', `layers/${countLayerKey}`];
  if (countLayerKey === null && layers.includes('counts')) paths.push('layers/counts');
  const input: Input = { store, root: tree.root };
  const candidates = await Promise.all(paths.map((matrix) => candidate(input, matrix)));
  return {
    path,
    format: store.format === 'h5ad' ? 'h5ad' : 'zarr',
    cells: store.cells,
    candidates: candidates.filter((found) => found !== null),
    cellNames: () => store.names('obs'),
    cellColumns: () => columns(input, 'obs'),
    carry: async (counts, genes, checkCancelled) => {
      const fromRaw = counts.element === 'raw/X';
      const genesAre = fromRaw ? ((await hasSameGenes(store)) ? 'both' : 'raw') : 'var';
      return carriedOf({ ...input, counts: counts.element, genesAre, genes, written: checkCancelled });
    },
    close: async () => {
      tree.close();
      await store.close();
    },
  };
}

/** An input as what is read of it, and as what is stored in it. */
export interface Input {
  readonly store: AnnData;
  readonly root: GroupElement;
}

async function candidate(input: Input, path: MatrixPath): Promise<CountCandidate | null> {
  const { store } = input;
  const matrix = await store.matrix(path);
  if (matrix === null) return null;
  const axis = path === 'raw/X' ? 'raw/var' : 'var';
  return {
    element: path,
    genes: matrix.columns,
    geneNames: () => store.names(axis),
    geneColumns: async () => {
      const own = await columns(input, axis);
      return axis === 'raw/var' && (await hasSameGenes(store))
        ? new Map([...own, ...(await columns(input, 'var'))])
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

/** Text and categories are decoded, because import looks at them; others stay as they are stored. */
async function columns({ store, root }: Input, axis: 'obs' | 'var' | 'raw/var'): Promise<Map<string, SourceColumn>> {
  const frame = axis
    .split('/')
    .reduce<Element | null>((at, name) => (at?.kind === 'group' ? at.get(name) : null), root);
  const rows = (await store.names(axis)).length;
  const found = new Map<string, SourceColumn>();
  for (const name of await store.keys(axis)) {
    const element = frame?.kind === 'group' ? frame.get(name) : null;
    const isStored = element !== null && !isText(element) && partProblem(element, rows, null) === null;
    found.set(name, isStored ? { kind: 'stored', element, rows } : await store.column(axis, name));
  }
  return found;
}

/** Also the codes of anndata before 0.8, whose categories lie elsewhere. */
const isText = (element: Element): boolean =>
  element.kind === 'strings' || encodingType(element) === 'categorical' || 'categories' in element.attributes;
