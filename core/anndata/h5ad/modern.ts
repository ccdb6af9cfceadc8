import type { Attribute, Reference } from 'h5wasm/node';
import { invalidInput } from '../../errors.js';
import type { Json } from '../../methods/types.js';
import { itemSize } from '../zarr-write/metadata.js';
import { readAttributes } from './attributes.js';
import {
  type H5Type,
  isCompound,
  isString,
  numericDtype,
  readBytes,
  readStrings,
  rowsPerRead,
  whereIs,
} from './dataset.js';
import { type Attributes, type Element, encoding, type GroupElement, groupOf } from './element.js';
import { hdf5Call } from './file.js';
import { Dataset, Group } from './library.js';
import { recordsElement } from './records.js';

/** The child of a group, or null. Links that lead nowhere or out of the file are refused. */
export function childOf(file: string, group: Group, name: string): Group | Dataset | null {
  const entity = hdf5Call(`${file}: ${group.path}/${name}`, () => group.get(name));
  if (entity === null) return null;
  if (entity instanceof Group || entity instanceof Dataset) return entity;
  throw invalidInput(
    `${file}: ${group.path}/${name} is a link that leads out of the file or nowhere`,
    'Write the file anew with anndata, so that it holds all of its data itself.',
  );
}

/** An HDF5 object in AnnData's current encoding. */
export function elementOf(file: string, entity: Group | Dataset): Element {
  return hdf5Call(`${file}: ${entity.path.slice(1)}`, () =>
    entity instanceof Group ? groupElement(file, entity) : datasetElement(file, entity),
  );
}

/** A dataset; what has no encoding attributes gets those that anndata would write for what it reads from it. */
function datasetElement(file: string, dataset: Dataset): Element {
  const attributes = readAttributes(dataset.attrs);
  const encoded = 'encoding-type' in attributes;
  const type = dataset.metadata as H5Type;
  const { shape } = dataset;
  const where = whereIs(file, dataset);
  if (shape === null) return { kind: 'null', where, attributes: encoding('null', '0.1.0') };
  if (isString(type)) {
    // Before 0.7, anndata wrote a single string as an array of one fixed-length string.
    const single = !encoded && !type.vlen && shape.length === 1 && shape[0] === 1;
    return {
      kind: 'strings',
      where,
      attributes: encoded ? attributes : stringEncoding(single ? [] : shape),
      shape: single ? [] : shape,
      read: (start, end) => readStrings(file, dataset, start, end),
    };
  }
  if (isCompound(type)) return recordsElement(file, dataset);
  const dtype = numericDtype(type);
  if (dtype === null) {
    throw invalidInput(
      `${where} is of a type that has no counterpart in zarr: ${JSON.stringify(dataset.dtype)}`,
      'Remove the element, or store it as numbers, booleans or strings.',
    );
  }
  const legacy = encoding(shape.length === 0 ? 'numeric-scalar' : 'array', '0.2.0');
  return {
    kind: 'array',
    where,
    attributes: encoded ? attributes : legacy,
    dtype,
    shape,
    rowsPerRead: rowsPerRead(dataset, itemSize(dtype)),
    read: (start, end) => readBytes(file, dataset, start, end),
  };
}

const stringEncoding = (shape: readonly number[]): Attributes =>
  encoding(shape.length === 0 ? 'string' : 'string-array', '0.2.0');

function groupElement(file: string, group: Group): GroupElement {
  const attributes = readAttributes(group.attrs);
  if (attributes['encoding-type'] === 'dataframe') return frameElement(file, group, attributes);
  const modern = groupAttributes(attributes);
  const children = childrenOf(file, group, modern);
  return isSparse(modern) ? withoutEncodings(children) : children;
}

const isSparse = (attributes: Attributes): boolean =>
  attributes['encoding-type'] === 'csr_matrix' || attributes['encoding-type'] === 'csc_matrix';

/** The parts of a sparse matrix have no encoding of their own. */
function withoutEncodings(group: GroupElement): GroupElement {
  return {
    ...group,
    get(name) {
      const child = group.get(name);
      return child === null ? null : { ...child, attributes: {} };
    },
  };
}

function groupAttributes(attributes: Attributes): Attributes {
  if ('encoding-type' in attributes) return attributes;
  const sparse = attributes.h5sparse_format;
  if (sparse === undefined) return encoding('dict', '0.1.0');
  return { ...encoding(`${String(sparse)}_matrix`, '0.1.0'), shape: attributes.h5sparse_shape ?? [] };
}

function childrenOf(file: string, group: Group, attributes: Attributes): GroupElement {
  return {
    kind: 'group',
    where: `${file}: ${group.path.replace(/^\//, '')}`,
    attributes,
    keys: group.keys(),
    get(name) {
      const child = childOf(file, group, name);
      return child === null ? null : elementOf(file, child);
    },
  };
}

/** Data frames of encoding 0.1.0 kept categories in `__categories`, pointed to by a reference on the codes. */
function frameElement(file: string, group: Group, attributes: Attributes): GroupElement {
  const order = attributes['column-order'];
  const columns = Array.isArray(order) ? order.map(String) : order === undefined ? [] : [String(order)];
  const named = { ...attributes, 'column-order': columns } satisfies Record<string, Json>;
  if (attributes['encoding-version'] !== '0.1.0') return childrenOf(file, group, named);
  const names = [...new Set([String(attributes._index), ...columns])];
  const children = new Map(names.map((name) => [name, () => seriesElement(file, group, name)]));
  return groupOf(`${file}: ${group.path.slice(1)}`, { ...named, ...encoding('dataframe', '0.2.0') }, children);
}

function seriesElement(file: string, frame: Group, name: string): Element {
  const child = childOf(file, frame, name);
  if (child === null) {
    throw invalidInput(
      `${file}: ${frame.path.slice(1)} lists the column ${JSON.stringify(name)} but does not hold it`,
      'The file is damaged: write it anew with anndata.',
    );
  }
  const reference = child instanceof Dataset ? child.attrs.categories : undefined;
  return reference === undefined ? elementOf(file, child) : categoricalElement(file, child, reference);
}

function categoricalElement(file: string, codes: Group | Dataset, reference: Attribute): Element {
  const { value } = reference;
  const target: unknown = codes.dereference((Array.isArray(value) ? value[0] : value) as Reference);
  if (!(target instanceof Dataset)) {
    throw invalidInput(
      `${file}: the categories of ${codes.path.slice(1)} are missing`,
      'Write the file anew with anndata.',
    );
  }
  const { ordered } = readAttributes(target.attrs);
  return categorical(elementOf(file, codes), elementOf(file, target), ordered === true);
}

/** A categorical column from its codes and categories. */
export function categorical(codes: Element, categories: Element, ordered: boolean): GroupElement {
  const children = new Map([
    ['codes', () => codes],
    ['categories', () => categories],
  ]);
  return groupOf(codes.where, { ...encoding('categorical', '0.2.0'), ordered }, children);
}
