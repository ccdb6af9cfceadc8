import { invalidInput } from '../../errors.js';
import {
  type ArrayElement,
  type Element,
  encodingType,
  type GroupElement,
  type RecordsElement,
  type StringsElement,
} from '../h5ad/element.js';
import { itemSize } from '../zarr-write/metadata.js';
import { inSteps, type Taken } from './taken.js';

/** Strings that are read together. */
const STRINGS_PER_READ = 65_536;

/** Groups of which every member has one item for each row, but for these. */
const ROW_GROUPS: Readonly<Record<string, readonly string[]>> = {
  dataframe: [],
  categorical: ['categories'],
  'nullable-integer': [],
  'nullable-boolean': [],
  'nullable-string-array': [],
};

/** Whether every row of an element can be taken on its own (sparse matrices: see write-part.ts). */
export function hasRows(element: Element): boolean {
  if (element.kind === 'null') return false;
  if (element.kind === 'records') return true;
  if (element.kind !== 'group') return element.shape.length > 0;
  return Object.hasOwn(ROW_GROUPS, encodingType(element));
}

/**
 * Some rows of an element for which hasRows holds, read when they are asked for. Bytes and attributes stay; categories
 * that no row has any more stay, too.
 */
export function takeRows(element: Element, rows: Taken): Element {
  switch (element.kind) {
    case 'array':
      return takeArrayRows(element, rows);
    case 'strings':
      return takeStringRows(element, rows);
    case 'records':
      return takeRecords(element, rows);
    case 'group':
      return takeGroupRows(element, rows);
    case 'null':
      throw invalidInput(`${element.where} has no rows`, 'Remove it.');
  }
}

function takeGroupRows(group: GroupElement, rows: Taken): GroupElement {
  const whole = ROW_GROUPS[encodingType(group)] ?? [];
  return {
    ...group,
    get(name) {
      const child = group.get(name);
      return child === null || whole.includes(name) ? child : takeRows(child, rows);
    },
  };
}

function takeArrayRows(array: ArrayElement, { positions }: Taken): ArrayElement {
  const inner = array.shape.slice(1);
  const rowBytes = inner.reduce((product, size) => product * size, itemSize(array.dtype));
  const step = inSteps(array.read, array.shape[0]!, Math.max(1, array.rowsPerRead));
  return {
    ...array,
    shape: [positions.length, ...inner],
    async read(start, end) {
      const out = new Uint8Array((end - start) * rowBytes);
      for (let row = start; row < end; ) {
        const held = await step(positions[row]!);
        for (; row < end && positions[row]! < held.end; row++) {
          const from = (positions[row]! - held.start) * rowBytes;
          out.set(held.values.subarray(from, from + rowBytes), (row - start) * rowBytes);
        }
      }
      return out;
    },
  };
}

function takeStringRows(strings: StringsElement, { positions }: Taken): StringsElement {
  const inner = strings.shape.slice(1);
  const rowItems = inner.reduce((product, size) => product * size, 1);
  const step = inSteps(
    strings.read,
    strings.shape[0]!,
    Math.max(1, Math.floor(STRINGS_PER_READ / Math.max(1, rowItems))),
  );
  return {
    ...strings,
    shape: [positions.length, ...inner],
    async read(start, end) {
      const out: string[] = [];
      for (let row = start; row < end; ) {
        const held = await step(positions[row]!);
        for (; row < end && positions[row]! < held.end; row++) {
          const from = (positions[row]! - held.start) * rowItems;
          out.push(...held.values.slice(from, from + rowItems));
        }
      }
      return out;
    },
  };
}

function takeRecords(records: RecordsElement, rows: Taken): RecordsElement {
  const fields = records.fields.map(({ name, column, length }) => ({
    name,
    column: takeRows(column, rows) as ArrayElement | StringsElement,
    length,
  }));
  return { ...records, rows: rows.positions.length, fields };
}

/** Some columns of a dense matrix. */
export function takeColumns(matrix: ArrayElement, { positions }: Taken): ArrayElement {
  const [rows, columns] = matrix.shape as [number, number];
  const size = itemSize(matrix.dtype);
  return {
    ...matrix,
    shape: [rows, positions.length],
    async read(start, end) {
      const bytes = await matrix.read(start, end);
      const out = new Uint8Array((end - start) * positions.length * size);
      let to = 0;
      for (let row = 0; row < end - start; row++) {
        for (const column of positions) {
          const from = (row * columns + column) * size;
          for (let byte = 0; byte < size; byte++) out[to++] = bytes[from + byte]!;
        }
      }
      return out;
    },
  };
}
