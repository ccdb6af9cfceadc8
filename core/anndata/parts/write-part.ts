import { type Element, encodingType } from '../h5ad/element.js';
import { type Written, writeElement } from '../h5ad/to-zarr.js';
import { hasRows, takeColumns, takeRows } from './take-rows.js';
import { type MatrixPart, writeSparsePart } from './write-sparse-part.js';

/**
 * Why a part of an element cannot be taken, by its metadata alone: other lengths of its axes than expected (null: any),
 * or an encoding whose rows cannot be told apart. Null where it can.
 */
export function partProblem(element: Element, rows: number, columns: number | null): string | null {
  const shape = shapeOf(element);
  const [foundRows, foundColumns] = shape ?? [];
  if (shape === null || !(isSparse(element) || hasRows(element)))
    return `its encoding ${JSON.stringify(encodingType(element))} does not say which of it belongs to which row`;
  if (foundRows !== rows) return `it has ${foundRows} rows, expected ${rows}`;
  if (columns !== null && (shape.length !== 2 || foundColumns !== columns || !(isSparse(element) || isDense(element))))
    return `it is no matrix of ${columns} columns`;
  return null;
}

/** Writes rows and columns of an element for which there is no partProblem as a new zarr v2 node, losslessly. */
export async function writePart(element: Element, folder: string, part: MatrixPart, written: Written): Promise<void> {
  if (element.kind === 'group' && isSparse(element)) return writeSparsePart(element, folder, part, written);
  let taken = element;
  if (part.rows !== null) taken = takeRows(taken, part.rows);
  if (part.columns !== null && taken.kind === 'array') taken = takeColumns(taken, part.columns);
  return writeElement(taken, folder, written);
}

const isDense = (element: Element): boolean => element.kind === 'array';
const isSparse = (element: Element): boolean => /^cs[rc]_matrix$/.test(encodingType(element));

/** Shape by metadata; of a group that is a table its rows only. */
function shapeOf(element: Element): readonly number[] | null {
  if (element.kind === 'array' || element.kind === 'strings') return element.shape;
  if (element.kind === 'records') return [element.rows];
  if (element.kind === 'null') return null;
  if (isSparse(element)) return Array.isArray(element.attributes.shape) ? element.attributes.shape.map(Number) : null;
  const member = memberWithRows(element);
  return member === null ? null : (shapeOf(member)?.slice(0, 1) ?? null);
}

function memberWithRows(group: Extract<Element, { kind: 'group' }>): Element | null {
  switch (encodingType(group)) {
    case 'dataframe':
      return group.get(String(group.attributes._index));
    case 'categorical':
      return group.get('codes');
    default:
      return group.get('values');
  }
}
