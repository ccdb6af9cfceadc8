import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { fromSystemError, invalidInput } from '../../errors.js';
import type { AnnData, Column, MatrixInfo, MatrixPath, RowBlock, RowRange } from '../types.js';
import { DataFrame, type FramePath } from './dataframe.js';
import { DenseMatrix } from './dense.js';
import { digestElement, fingerprintElements } from './element-files.js';
import { readGroupNode, readNode, storeVersion, type ZarrNode, type ZarrVersion } from './metadata.js';
import { isSparse, SparseMatrix } from './sparse.js';

/** Opens an AnnData store in zarr format v2 or v3 (sharded or not) for reading. @throws InvalidInput where it is none */
export async function openZarr(path: string): Promise<AnnData> {
  return new ZarrStore(resolve(path));
}

class ZarrStore implements AnnData {
  readonly path: string;
  readonly format: 'zarr-v2' | 'zarr-v3';
  readonly cells: number;
  readonly genes: number;
  readonly #version: ZarrVersion;

  constructor(path: string) {
    this.path = path;
    this.#version = storeVersion(path);
    this.format = this.#version === 2 ? 'zarr-v2' : 'zarr-v3';
    readGroupNode(path, this.#version, '');
    this.cells = this.#frame('obs').rows();
    this.genes = this.#frame('var').rows();
  }

  async keys(group: Parameters<AnnData['keys']>[0]): Promise<string[]> {
    if (group === 'obs' || group === 'var' || group === 'raw/var') return [...this.#frame(group).columns];
    const node = readNode(this.path, this.#version, group);
    return node?.kind === 'group' ? this.#members(node) : [];
  }

  async names(axis: FramePath): Promise<string[]> {
    return this.#frame(axis).names();
  }

  async column(axis: FramePath, name: string): Promise<Column> {
    return this.#frame(axis).column(name);
  }

  async matrix(path: MatrixPath): Promise<MatrixInfo | null> {
    return this.#matrix(path)?.info ?? null;
  }

  async *rowBlocks(path: MatrixPath, range?: RowRange): AsyncGenerator<RowBlock> {
    const matrix = this.#matrix(path);
    if (matrix === null) {
      const layers = await this.keys('layers');
      throw invalidInput(
        `${this.path} has no ${path}; layers: ${layers.join(', ') || 'none'}`,
        'Name a matrix that the store has.',
      );
    }
    yield* matrix.rowBlocks(range);
  }

  async digest(element: string): Promise<string> {
    return digestElement(this.#element(element));
  }

  async fingerprint(elements: readonly string[]): Promise<string> {
    return fingerprintElements(elements.map((element) => this.#element(element)));
  }

  /** Files are opened and closed with every read. */
  async close(): Promise<void> {}

  #frame(path: FramePath): DataFrame {
    return new DataFrame(this.path, this.#version, path);
  }

  #matrix(path: MatrixPath): SparseMatrix | DenseMatrix | null {
    const node = readNode(this.path, this.#version, path);
    if (node === null) return null;
    const matrix = node.kind === 'array' ? new DenseMatrix(node) : this.#sparse(node);
    const { rows, columns } = matrix.info;
    const genes = path === 'raw/X' ? this.#frame('raw/var').rows() : this.genes;
    if (rows !== this.cells || columns !== genes) {
      throw invalidInput(
        `${path} in ${this.path} is ${rows} x ${columns}, expected ${this.cells} cells x ${genes} genes`,
        'Write the store again with anndata.',
      );
    }
    return matrix;
  }

  #sparse(node: Extract<ZarrNode, { kind: 'group' }>): SparseMatrix {
    if (isSparse(node)) return new SparseMatrix(node);
    throw invalidInput(
      `expected a matrix at ${node.element} in ${this.path}, found ${JSON.stringify(node.attributes['encoding-type'] ?? 'a group')}`,
      'Store it as a dense, CSR or CSC matrix.',
    );
  }

  /** Arrays and groups in a group as they lie on disk; hidden folders are work in progress of someone. */
  #members(group: Extract<ZarrNode, { kind: 'group' }>): string[] {
    try {
      return readdirSync(group.folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
        .map(({ name }) => name)
        .filter((name) => readNode(this.path, this.#version, `${group.element}/${name}`) !== null)
        .sort((a, b) => (a < b ? -1 : 1));
    } catch (error) {
      throw fromSystemError(error, group.folder);
    }
  }

  /** "obs/_index" and "var/_index" mean the index, whatever its array is called. */
  #element(element: string): ZarrNode {
    const index = /^(obs|var|raw\/var)\/_index$/.exec(element)?.[1] as FramePath | undefined;
    const stored = index ? `${index}/${this.#frame(index).index}` : element;
    const node = readNode(this.path, this.#version, stored);
    if (node === null)
      throw invalidInput(`${this.path} has no ${stored}`, 'Name an element that the store has, e.g. layers/counts.');
    return node;
  }
}
