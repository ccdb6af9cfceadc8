import { join } from 'node:path';
import { copyFolder } from '../anndata/copy-folder.js';
import type { Element, GroupElement } from '../anndata/h5ad/element.js';
import { type Written, writeElement } from '../anndata/h5ad/to-zarr.js';
import type { Taken } from '../anndata/parts/taken.js';
import { partProblem, writePart } from '../anndata/parts/write-part.js';
import type { AnnData } from '../anndata/types.js';
import { writeGroupMetadata } from '../anndata/zarr-write/metadata.js';
import { isObsmithError } from '../errors.js';
import { type PlannedElement, planCarried } from './plan-carried.js';
import type { Carried, CarriedElement } from './source.js';

export interface CarryRequest {
  readonly store: AnnData;
  readonly root: GroupElement;
  /** The element that the counts are. */
  readonly counts: string;
  /** Whose genes the counts have: those of var, of raw/var, or both have the same. */
  readonly genesAre: 'var' | 'raw' | 'both';
  /** Genes of the counts that chunks have. */
  readonly genes: Taken;
  /** Told the bytes of each part that was written; may throw to stop. */
  readonly written: Written;
}

type LeftOut = Carried['leftOut'][number];

/**
 * What chunks take over beside counts, obs and var, losslessly: layers, obsm, varm, uns, and raw where the counts are
 * others. Matrices of cells by cells do not fit into chunks, and whatever cannot be divided by rows is left out.
 */
export async function carriedOf(request: CarryRequest): Promise<Carried> {
  const { store, root, counts, genesAre } = request;
  const keys = (group: string): readonly string[] => {
    const found = elementAt(root, group);
    return found?.kind === 'group' ? found.keys : [];
  };
  const plan = planCarried({ keys, counts, genesAre, hasX: (await store.matrix('X')) !== null });
  const elements: CarriedElement[] = [];
  const leftOut: LeftOut[] = [];
  for (const planned of plan) {
    const found = 'reason' in planned ? planned : carriedElement(planned, request);
    if ('reason' in found) leftOut.push(found);
    else elements.push(found);
  }
  return { elements, leftOut };
}

function carriedElement(planned: PlannedElement, request: CarryRequest): CarriedElement | LeftOut {
  const { from, to, divided } = planned;
  const { store, root, written } = request;
  if (divided === 'no' && store.format === 'zarr-v2') {
    const context = { progress() {}, checkCancelled: () => written(0) };
    return { path: to, write: (folder) => copyFolder(join(store.path, from), folder, context) };
  }
  const element = readable(root, from);
  if ('reason' in element) return element;
  if (divided === 'no') return { path: to, write: (folder) => writeElement(element, folder, written) };
  if (divided === 'raw') return rawElement(element as GroupElement, request);
  return dividedElement(element, planned, request);
}

function dividedElement(
  element: Element,
  { from, to, divided }: PlannedElement,
  { store, genes, written }: CarryRequest,
): CarriedElement | LeftOut {
  const isLayer = divided === 'cells and genes';
  const problem = partProblem(element, divided === 'genes' ? genes.of : store.cells, isLayer ? genes.of : null);
  if (problem !== null) return { element: from, reason: problem };
  const kept = genes.positions.length < genes.of ? genes : null;
  return {
    path: to,
    write: (folder, cells) => {
      const rows = divided === 'genes' ? kept : { of: store.cells, positions: cells };
      return writePart(element, folder, { rows, columns: isLayer ? kept : null }, written);
    },
  };
}

/** raw keeps all its genes, whichever were dropped elsewhere. */
function rawElement(raw: GroupElement, { store, written }: CarryRequest): CarriedElement | LeftOut {
  const matrix = raw.get('X');
  const problem = matrix === null ? 'it has no X' : partProblem(matrix, store.cells, null);
  if (problem !== null) return { element: 'raw', reason: problem };
  return {
    path: 'raw',
    async write(folder, cells) {
      const rows = { of: store.cells, positions: cells };
      for (const key of raw.keys) {
        const target = join(folder, key);
        if (key === 'X') await writePart(matrix!, target, { rows, columns: null }, written);
        else await writeElement(raw.get(key)!, target, written);
      }
      await writeGroupMetadata('zarr-v2', folder, raw.attributes);
    },
  };
}

/** The element at a path, all of whose members can be read; else why not. */
function readable(root: GroupElement, path: string): Element | LeftOut {
  try {
    const element = elementAt(root, path);
    if (element === null) return { element: path, reason: 'it is listed, but not there' };
    lookThrough(element);
    return element;
  } catch (error) {
    if (!isObsmithError(error) || error.type !== 'InvalidInput') throw error;
    return { element: path, reason: error.message };
  }
}

function lookThrough(element: Element): void {
  if (element.kind !== 'group') return;
  for (const key of element.keys) {
    const child = element.get(key);
    if (child !== null) lookThrough(child);
  }
}

function elementAt(root: GroupElement, path: string): Element | null {
  return path
    .split('/')
    .reduce<Element | null>((element, name) => (element?.kind === 'group' ? element.get(name) : null), root);
}
