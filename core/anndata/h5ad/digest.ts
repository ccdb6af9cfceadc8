import { createHash, type Hash } from 'node:crypto';
import type { ArrayElement, Element, StringsElement } from './element.js';

/**
 * sha256 (hex) of what an element holds: names, types, shapes and decoded values, streamed; the way it is stored
 * (storage chunks, filters, byte order, encoding version) does not enter.
 */
export async function digestElement(element: Element): Promise<string> {
  const hash = createHash('sha256');
  await add(hash, element);
  return hash.digest('hex');
}

async function add(hash: Hash, element: Element): Promise<void> {
  switch (element.kind) {
    case 'null':
      header(hash, ['null']);
      return;
    case 'array':
      return addNumbers(hash, element);
    case 'strings':
      return addStrings(hash, element);
    case 'records':
      header(hash, ['records', element.rows, element.fields.map((field) => field.name)]);
      for (const field of element.fields) await add(hash, field.column);
      return;
    case 'group': {
      const { shape = null, ordered = null } = element.attributes;
      const keys = [...element.keys].sort();
      header(hash, ['group', element.attributes['encoding-type'] ?? null, shape, ordered, keys]);
      for (const key of keys) {
        const child = element.get(key);
        if (child !== null) await add(hash, child);
      }
    }
  }
}

const header = (hash: Hash, parts: unknown): void => {
  hash.update(`${JSON.stringify(parts)}\n`);
};

async function addNumbers(hash: Hash, element: ArrayElement): Promise<void> {
  header(hash, ['array', element.dtype, element.shape]);
  const rows = element.shape[0] ?? 1;
  for (let row = 0; row < rows; row += element.rowsPerRead) {
    hash.update(await element.read(row, Math.min(rows, row + element.rowsPerRead)));
  }
}

/** Strings of one read. */
const STRINGS_AT_ONCE = 65_536;

async function addStrings(hash: Hash, element: StringsElement): Promise<void> {
  header(hash, ['strings', element.shape]);
  const rows = element.shape[0] ?? 1;
  for (let row = 0; row < rows; row += STRINGS_AT_ONCE) {
    header(hash, await element.read(row, Math.min(rows, row + STRINGS_AT_ONCE)));
  }
}
