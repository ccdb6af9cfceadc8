import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { fromSystemError, invalidInput } from '../../errors.js';
import type { AnnData, Column, MatrixInfo, MatrixPath, RowBlock, RowRange } from '../types.js';
import { readColumn, textOf } from './column.js';
import { digestElement } from './digest.js';
import type { Element, GroupElement } from './element.js';
import { openHdf5 } from './file.js';
import type { File } from './library.js';
import { matrixBlocks, matrixInfo } from './matrix.js';
import { rootElement } from './root.js';

type Frame = 'obs' | 'var' | 'raw/var';

/**
 * Opens an h5ad file of any AnnData version (since 0.6) for reading. Nothing but metadata is read until it is asked for.
 * InvalidInput for what is not HDF5, truncated, or not AnnData. Close it: the library holds the file open.
 */
export async function openH5ad(path: string): Promise<AnnData> {
  const file = await openHdf5(path);
  try {
    const root = await rootElement(path, file);
    return new H5ad(path, file, root, await axisLength(root, 'obs'), await axisLength(root, 'var'));
  } catch (error) {
    file.close();
    throw error;
  }
}

/** The elements of an h5ad file, for a copy; the caller closes it. */
export async function openH5adTree(path: string): Promise<{ root: GroupElement; close: () => void }> {
  const file = await openHdf5(path);
  try {
    return { root: await rootElement(path, file), close: () => void file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
}

class H5ad implements AnnData {
  readonly path: string;
  readonly format = 'h5ad';
  readonly cells: number;
  readonly genes: number;
  readonly #file: File;
  readonly #root: GroupElement;

  constructor(path: string, file: File, root: GroupElement, cells: number, genes: number) {
    this.path = path;
    this.#file = file;
    this.#root = root;
    this.cells = cells;
    this.genes = genes;
  }

  async keys(group: Parameters<AnnData['keys']>[0]): Promise<string[]> {
    if (group === 'obs' || group === 'var' || group === 'raw/var') return columnsOf(this.#frame(group));
    const element = this.#root.get(group);
    return element?.kind === 'group' ? [...element.keys] : [];
  }

  async names(axis: Frame): Promise<string[]> {
    return textOf(await readColumn(indexOf(this.#frame(axis))));
  }

  async column(axis: Frame, name: string): Promise<Column> {
    const frame = this.#frame(axis);
    const columns = columnsOf(frame);
    const element = columns.includes(name) ? frame.get(name) : null;
    if (element !== null) return readColumn(element);
    throw invalidInput(
      `${this.path} has no column ${JSON.stringify(name)} in ${axis}; there are: ${columns.join(', ') || 'none'}`,
      `Name a column that exists, or add ${JSON.stringify(name)} to ${axis}.`,
    );
  }

  async matrix(path: MatrixPath): Promise<MatrixInfo | null> {
    const element = find(this.#root, path);
    return element === null ? null : matrixInfo(element);
  }

  async *rowBlocks(path: MatrixPath, range?: RowRange): AsyncGenerator<RowBlock> {
    yield* matrixBlocks(this.#element(path), range);
  }

  async digest(element: string): Promise<string> {
    return digestElement(this.#element(element));
  }

  /** All elements lie in one file, so its size, modification time and inode tell for all of them. */
  async fingerprint(_elements: readonly string[]): Promise<string> {
    try {
      const { size, mtimeNs, ino } = await stat(this.path, { bigint: true });
      return createHash('sha256').update(`h5ad ${size} ${mtimeNs} ${ino}`).digest('hex');
    } catch (error) {
      throw fromSystemError(error, this.path);
    }
  }

  async close(): Promise<void> {
    this.#file.close();
  }

  #frame(axis: Frame): GroupElement {
    const element = find(this.#root, axis);
    if (element?.kind === 'group') return element;
    throw invalidInput(`${this.path} has no ${axis}`, 'Write the file with AnnData.raw set, or do not ask for raw.');
  }

  #element(path: string): Element {
    const frame = /^(obs|var|raw\/var)\/_index$/.exec(path)?.[1];
    if (frame) return indexOf(this.#frame(frame as Frame));
    const element = find(this.#root, path);
    if (element !== null) return element;
    throw invalidInput(
      `${this.path} has no ${path}; it holds: ${this.#root.keys.join(', ')}`,
      'Name an element that exists, e.g. X, layers/counts or obs/_index.',
    );
  }
}

/** The element at a path like "layers/counts", or null. Names may themselves contain slashes nowhere: HDF5 has none. */
function find(root: GroupElement, path: string): Element | null {
  let element: Element | null = root;
  for (const name of path.split('/')) {
    if (element?.kind !== 'group') return null;
    element = element.get(name);
  }
  return element;
}

function columnsOf(frame: GroupElement): string[] {
  const order = frame.attributes['column-order'];
  return Array.isArray(order) ? order.map(String) : [];
}

/** The index of a data frame, stored under the name that `_index` says. */
function indexOf(frame: GroupElement): Element {
  const name = String(frame.attributes._index ?? '_index');
  const index = frame.get(name);
  if (index !== null) return index;
  throw invalidInput(
    `${frame.where} has no index: ${JSON.stringify(name)} is missing`,
    'The file is damaged: write it anew with anndata.',
  );
}

async function axisLength(root: GroupElement, axis: 'obs' | 'var'): Promise<number> {
  const frame = root.get(axis);
  if (frame?.kind !== 'group') throw invalidInput(`${root.where} has no ${axis}`, 'Write it with anndata.');
  return lengthOf(indexOf(frame));
}

function lengthOf(index: Element): number {
  if (index.kind === 'array' || index.kind === 'strings') return index.shape[0] ?? 0;
  const part = index.kind === 'group' ? (index.get('codes') ?? index.get('values')) : null;
  if (part !== null && (part.kind === 'array' || part.kind === 'strings')) return part.shape[0] ?? 0;
  throw invalidInput(`${index.where} cannot be an index`, 'Store names as strings.');
}
