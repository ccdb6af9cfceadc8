import { invalidInput } from '../../errors.js';
import { readAttributes } from './attributes.js';
import {
  type ArrayElement,
  type Element,
  encoding,
  encodingType,
  type GroupElement,
  groupOf,
  type RecordsElement,
  type StringsElement,
} from './element.js';
import type { Dataset, Group } from './library.js';
import { categorical, childOf, elementOf } from './modern.js';
import { numbersOf } from './values.js';

/** The mappings that every AnnData object has, empty or not. */
const MAPPINGS = ['obsm', 'varm', 'obsp', 'varp', 'layers', 'uns'] as const;

/**
 * The whole file as one AnnData element in the current encoding. What older versions did otherwise: obs, var, obsm and
 * varm as structured arrays, categories of their columns in uns, raw as `raw.X`, `raw.var` and `raw.varm`.
 */
export async function rootElement(file: string, root: Group): Promise<GroupElement> {
  const child = (name: string) => childOf(file, root, name);
  const obs = axisFrame(file, child('obs'), 'obs');
  const axes = new Map([
    ['obs', obs],
    ['var', axisFrame(file, child('var'), 'var')],
  ]);
  const children = new Map<string, () => Element>();
  const x = child('X');
  if (x !== null) children.set('X', () => elementOf(file, x));
  const mappings = new Map(MAPPINGS.map((name) => [name as string, mapping(file, child(name), name)]));
  if (obs.where.endsWith(STRUCTURED)) await moveCategories(axes, mappings);
  moveNeighbors(mappings);
  for (const [name, element] of [...axes, ...mappings]) children.set(name, () => element);
  const raw = rawElement(file, root);
  if (raw !== null) children.set('raw', () => raw);
  const attributes = { ...readAttributes(root.attrs), ...encoding('anndata', '0.1.0') };
  return groupOf(file, attributes, children);
}

const STRUCTURED = ' (structured array)';

function axisFrame(file: string, entity: Group | Dataset | null, name: string): GroupElement {
  if (entity === null) {
    throw invalidInput(
      `${file} is HDF5 but holds no AnnData: it has no ${name}`,
      '10x files (matrix/ or genome groups) are imported by `obsmith import`; h5ad files are written by anndata.',
    );
  }
  const element = elementOf(file, entity);
  if (element.kind === 'records') return structuredFrame(element);
  if (element.kind === 'group') return element;
  throw invalidInput(`${element.where} is not a data frame`, 'Write the file anew with anndata.');
}

/** A structured array as a data frame; its first field is the index. */
function structuredFrame(records: RecordsElement): GroupElement {
  const [index, ...columns] = records.fields;
  const attributes = {
    ...encoding('dataframe', '0.2.0'),
    _index: index?.name ?? '_index',
    'column-order': columns.map((field) => field.name),
  };
  return groupOf(records.where + STRUCTURED, attributes, fieldsOf(records));
}

const fieldsOf = (records: RecordsElement): Map<string, () => Element> =>
  new Map(records.fields.map((field) => [field.name, () => field.column]));

function mapping(file: string, entity: Group | Dataset | null, name: string): GroupElement {
  const where = `${file}: ${name}`;
  if (entity === null) return groupOf(where, encoding('dict', '0.1.0'), new Map());
  const element = elementOf(file, entity);
  if (element.kind === 'records') return groupOf(where, encoding('dict', '0.1.0'), fieldsOf(element));
  if (element.kind === 'group') return element;
  throw invalidInput(`${where} is neither a group nor a structured array`, 'Write the file anew with anndata.');
}

function rawElement(file: string, root: Group): Element | null {
  const raw = childOf(file, root, 'raw');
  if (raw !== null) return elementOf(file, raw);
  const x = childOf(file, root, 'raw.X');
  if (x === null) return null;
  const children = new Map([
    ['X', () => elementOf(file, x)],
    ['var', () => axisFrame(file, childOf(file, root, 'raw.var'), 'raw.var')],
    ['varm', () => mapping(file, childOf(file, root, 'raw.varm'), 'raw.varm')],
  ]);
  return groupOf(`${file}: raw`, encoding('raw', '0.1.0'), children);
}

/** Turns integer columns into categoricals where uns holds `<column>_categories`, and takes those out of uns, as anndata does. */
async function moveCategories(axes: Map<string, GroupElement>, mappings: Map<string, GroupElement>): Promise<void> {
  const uns = mappings.get('uns')!;
  const moved = new Set<string>();
  for (const key of uns.keys.filter((name) => name.endsWith('_categories'))) {
    const categories = asVector(uns.get(key));
    const column = key.replaceAll('_categories', '');
    for (const [axis, frame] of axes) {
      const codes = frame.get(column);
      if (!categories || codes?.kind !== 'array' || !(await areCodes(codes, categories.shape[0]!))) continue;
      axes.set(axis, replaceChild(frame, column, categorical(codes, categories, false)));
      moved.add(key);
    }
  }
  mappings.set('uns', without(uns, [...moved]));
}

/** Moves the cell-by-cell matrices that scanpy once kept in uns/neighbors to obsp, as anndata does. */
function moveNeighbors(mappings: Map<string, GroupElement>): void {
  const uns = mappings.get('uns')!;
  const neighbors = uns.get('neighbors');
  if (neighbors?.kind !== 'group') return;
  const moved = ['distances', 'connectivities'].filter((name) => isMatrix(neighbors.get(name)));
  if (moved.length === 0) return;
  const obsp = mappings.get('obsp')!;
  const children = new Map(
    [...obsp.keys, ...moved].map((key) => [key, () => (moved.includes(key) ? neighbors : obsp).get(key)!]),
  );
  mappings.set('obsp', groupOf(obsp.where, obsp.attributes, children));
  mappings.set('uns', replaceChild(uns, 'neighbors', without(neighbors, moved)));
}

function isMatrix(element: Element | null): boolean {
  if (element?.kind === 'array') return element.shape.length === 2;
  return element !== null && /^cs[rc]_matrix$/.test(encodingType(element));
}

/** Categories as a vector: a single one was read as a scalar. */
function asVector(element: Element | null): ArrayElement | StringsElement | null {
  if (element?.kind !== 'array' && element?.kind !== 'strings') return null;
  if (element.shape.length > 0) return element;
  const type = element.kind === 'strings' ? 'string-array' : 'array';
  return { ...element, shape: [1], attributes: encoding(type, '0.2.0') };
}

async function areCodes(codes: ArrayElement, categories: number): Promise<boolean> {
  if (!/^u?int/.test(codes.dtype) || codes.shape.length !== 1) return false;
  const bytes = await codes.read(0, codes.shape[0]!);
  return numbersOf(bytes, codes.dtype, codes.where).every((code) => code < categories);
}

function without(group: GroupElement, names: readonly string[]): GroupElement {
  return { ...group, keys: group.keys.filter((key) => !names.includes(key)) };
}

function replaceChild(group: GroupElement, name: string, child: Element): GroupElement {
  return { ...group, get: (key) => (key === name ? child : group.get(key)) };
}
