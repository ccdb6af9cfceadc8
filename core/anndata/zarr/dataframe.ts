import { invalidInput } from '../../errors.js';
import { categoryText } from '../category-text.js';
import type { Column } from '../types.js';
import { NumberArray, readStrings } from './array.js';
import {
  type ArrayNode,
  type GroupNode,
  readArrayNode,
  readGroupNode,
  readNode,
  type ZarrNode,
  type ZarrVersion,
} from './metadata.js';

const REWRITE = 'Write the store again with anndata.';

export type FramePath = 'obs' | 'var' | 'raw/var';

/** A data frame: obs, var or raw/var. */
export class DataFrame {
  readonly #group: GroupNode;
  /** Name of the array that holds the index. */
  readonly index: string;
  /** Columns without the index, in stored order. */
  readonly columns: readonly string[];

  constructor(root: string, version: ZarrVersion, path: FramePath) {
    this.#group = readGroupNode(root, version, path);
    const { attributes } = this.#group;
    const index = attributes._index;
    const order = attributes['column-order'];
    if (typeof index !== 'string' || !Array.isArray(order)) {
      throw invalidInput(
        `${path} in ${root} is not a data frame of anndata: it has no _index and column-order`,
        REWRITE,
      );
    }
    this.index = index;
    this.columns = order.map(String);
  }

  /** Number of rows, from metadata alone. */
  rows(): number {
    const node = this.#node(this.index);
    if (node.kind === 'array') return node.shape[0] ?? 0;
    const part = node.attributes['encoding-type'] === 'categorical' ? 'codes' : 'values';
    return this.#member(node, part).shape[0] ?? 0;
  }

  async names(): Promise<string[]> {
    const column = await this.#read(this.index);
    switch (column.kind) {
      case 'strings':
        return column.values.map((name) => name ?? 'nan');
      case 'numbers':
        return Array.from(column.values, (name) => categoryText(name, column.dtype ?? 'float64'));
      case 'booleans':
        return column.values.map((name) => categoryText(Number(name), 'bool'));
      case 'categories':
        return Array.from(column.codes, (code) => column.categories[code] ?? 'nan');
    }
  }

  async column(name: string): Promise<Column> {
    const { root, element } = this.#group;
    if (!this.columns.includes(name)) {
      const there = this.columns.length > 0 ? this.columns.join(', ') : 'none';
      throw invalidInput(
        `${element} in ${root} has no column "${name}"; columns: ${there}`,
        `Name one of these columns, or add "${name}".`,
      );
    }
    const column = await this.#read(name);
    const found = column.kind === 'categories' ? column.codes.length : column.values.length;
    const rows = this.rows();
    if (found !== rows)
      throw invalidInput(`${element}/${name} in ${root} has ${found} values for ${rows} rows`, REWRITE);
    return column;
  }

  async #read(name: string): Promise<Column> {
    const node = this.#node(name);
    if (node.kind === 'group') return this.#encoded(node);
    const legacyCategories = node.attributes.categories;
    if (typeof legacyCategories === 'string') return this.#legacyCategorical(node, legacyCategories);
    return plainColumn(node);
  }

  async #encoded(group: GroupNode): Promise<Column> {
    const encoding = group.attributes['encoding-type'];
    if (encoding === 'categorical') {
      const ordered = group.attributes.ordered === true;
      return categorical(this.#member(group, 'codes'), this.#member(group, 'categories'), ordered);
    }
    if (encoding === 'nullable-integer' || encoding === 'nullable-boolean' || encoding === 'nullable-string-array') {
      const values = await plainColumn(this.#member(group, 'values'));
      return masked(values, await new NumberArray(this.#member(group, 'mask')).read());
    }
    throw invalidInput(
      `${group.element} in ${group.root} is encoded as ${JSON.stringify(encoding)}, which is not a column`,
      'Write the column as strings, numbers, booleans or categories.',
    );
  }

  /** anndata before 0.8: codes in the column, categories in a group beside it. */
  async #legacyCategorical(codes: ArrayNode, path: string): Promise<Column> {
    const { root, version, element } = this.#group;
    const categories = readArrayNode(root, version, `${element}/${path}`);
    return categorical(codes, categories, categories.attributes.ordered === true);
  }

  #node(name: string): ZarrNode {
    const { root, version, element } = this.#group;
    const node = readNode(root, version, `${element}/${name}`);
    if (node === null)
      throw invalidInput(`${element} in ${root} promises a column "${name}" that is not there`, REWRITE);
    return node;
  }

  #member(group: GroupNode, name: string): ArrayNode {
    return readArrayNode(group.root, group.version, `${group.element}/${name}`);
  }
}

async function plainColumn(node: ArrayNode): Promise<Column> {
  if (node.dtype.kind !== 'number') return { kind: 'strings', values: await readStrings(node) };
  const values = await new NumberArray(node).read();
  if (node.dtype.name === 'bool') return { kind: 'booleans', values: Array.from(values, (value) => value !== 0) };
  return { kind: 'numbers', values: Float64Array.from(values), dtype: node.dtype.name };
}

async function categorical(codes: ArrayNode, categories: ArrayNode, ordered: boolean): Promise<Column> {
  const names = await categoryNames(categories);
  const numbers = Int32Array.from(await new NumberArray(codes).read());
  const wrong = numbers.find((code) => code < -1 || code >= names.length);
  if (wrong !== undefined) {
    throw invalidInput(`${codes.element} in ${codes.root} has code ${wrong} for ${names.length} categories`, REWRITE);
  }
  return { kind: 'categories', categories: names, codes: numbers, ordered };
}

async function categoryNames(node: ArrayNode): Promise<string[]> {
  const { dtype } = node;
  if (dtype.kind !== 'number') return readStrings(node);
  return Array.from(await new NumberArray(node).read(), (value) => categoryText(value, dtype.name));
}

function masked(column: Column, mask: ArrayLike<number>): Column {
  switch (column.kind) {
    case 'strings':
      return { ...column, values: column.values.map((value, i) => (mask[i] ? null : value)) };
    case 'numbers':
      return { ...column, values: column.values.map((value, i) => (mask[i] ? Number.NaN : value)) };
    case 'booleans':
      return { ...column, values: column.values.map((value, i) => (mask[i] ? null : value)) };
    case 'categories':
      return column;
  }
}
