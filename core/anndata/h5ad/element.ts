import type { Json } from '../../methods/types.js';
import type { NumericDtype } from '../zarr-write/metadata.js';

export type Attributes = { readonly [key: string]: Json };

interface ElementBase {
  /** File and path in it, for messages. */
  readonly where: string;
  /** What AnnData's current encoding says about the element, whatever the file's version. */
  readonly attributes: Attributes;
}

export interface GroupElement extends ElementBase {
  readonly kind: 'group';
  /** Names of what it holds, in stored order. */
  readonly keys: readonly string[];
  /** The child, or null where there is none. */
  get(name: string): Element | null;
}

/** Numbers or booleans; a scalar has shape [] and one row. */
export interface ArrayElement extends ElementBase {
  readonly kind: 'array';
  readonly dtype: NumericDtype;
  readonly shape: readonly number[];
  /** Rows that are best read together. */
  readonly rowsPerRead: number;
  /** Rows [start, end), row-major, little-endian. */
  read(start: number, end: number): Promise<Uint8Array>;
}

export interface StringsElement extends ElementBase {
  readonly kind: 'strings';
  readonly shape: readonly number[];
  read(start: number, end: number): Promise<string[]>;
}

/** A structured array (one dimension): one column element per field. */
export interface RecordsElement extends ElementBase {
  readonly kind: 'records';
  readonly rows: number;
  readonly fields: readonly {
    readonly name: string;
    readonly column: ArrayElement | StringsElement;
    /** Characters of strings of fixed length, else null. */
    readonly length: number | null;
  }[];
}

export interface NullElement extends ElementBase {
  readonly kind: 'null';
}

/** One element of an h5ad file in AnnData's current encoding: files of older versions are translated when they are opened. */
export type Element = GroupElement | ArrayElement | StringsElement | RecordsElement | NullElement;

export const encoding = (type: string, version: string): Attributes => ({
  'encoding-type': type,
  'encoding-version': version,
});

export const encodingType = (element: Element): string => String(element.attributes['encoding-type'] ?? '');

/** A group with the given children, in this order. */
export function groupOf(
  where: string,
  attributes: Attributes,
  children: ReadonlyMap<string, () => Element>,
): GroupElement {
  return {
    kind: 'group',
    where,
    attributes,
    keys: [...children.keys()],
    get: (name) => children.get(name)?.() ?? null,
  };
}
