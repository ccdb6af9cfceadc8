import { invalidInput } from '../../errors.js';
import {
  fixedStrings,
  type H5Member,
  type H5Type,
  isArray,
  isString,
  numericDtype,
  READ_BYTES,
  readRecords,
  readStructs,
  whereIs,
} from './dataset.js';
import { type ArrayElement, encoding, type RecordsElement, type StringsElement } from './element.js';
import type { Dataset } from './library.js';

type ColumnElement = ArrayElement | StringsElement;

/** A compound dataset as one column element per member. */
export function recordsElement(file: string, dataset: Dataset): RecordsElement {
  const members = (dataset.metadata as H5Type).compound_type?.members ?? [];
  const rows = dataset.shape?.[0] ?? 1;
  return {
    kind: 'records',
    where: whereIs(file, dataset),
    attributes: encoding('rec-array', '0.2.0'),
    rows,
    fields: members.map((member, position) => ({
      name: member.name,
      column: memberElement(file, dataset, member, position),
      length: isString(member) && !member.vlen ? member.size : null,
    })),
  };
}

function memberElement(file: string, dataset: Dataset, member: H5Member, position: number): ColumnElement {
  const where = `${whereIs(file, dataset)}[${member.name}]`;
  const rows = dataset.shape?.[0] ?? 1;
  if (isString(member)) {
    const read = async (start: number, end: number) =>
      member.vlen
        ? vlenStrings(file, dataset, position, start, end)
        : fixedStrings(await memberBytes(file, dataset, member, start, end), member.size);
    return { kind: 'strings', where, attributes: encoding('string-array', '0.2.0'), shape: [rows], read };
  }
  const inner = isArray(member) ? (member.array_type?.shape ?? []) : [];
  const item: H5Type = isArray(member) ? member.array_type! : member;
  const dtype = numericDtype(item);
  if (dtype === null) {
    throw invalidInput(
      `${where} is of a type that has no counterpart in zarr (HDF5 class ${item.type}, ${item.size} bytes)`,
      'Remove the field, or store it as numbers or strings.',
    );
  }
  return {
    kind: 'array',
    where,
    attributes: encoding('array', '0.2.0'),
    dtype,
    shape: [rows, ...inner],
    rowsPerRead: rowsAtOnce(dataset),
    read: (start, end) => memberNumbers(file, dataset, member, item, start, end),
  };
}

const rowsAtOnce = (dataset: Dataset): number => Math.max(1, Math.floor(READ_BYTES / dataset.metadata.size));

async function memberNumbers(
  file: string,
  dataset: Dataset,
  member: H5Member,
  item: H5Type,
  start: number,
  end: number,
): Promise<Uint8Array> {
  const bytes = await memberBytes(file, dataset, member, start, end);
  // The library swaps bytes of plain arrays but not inside records.
  if (!item.littleEndian && item.size > 1) swapBytes(bytes, item.size);
  return bytes;
}

async function memberBytes(
  file: string,
  dataset: Dataset,
  member: H5Member,
  start: number,
  end: number,
): Promise<Uint8Array> {
  const out = new Uint8Array((end - start) * member.size);
  const { size } = dataset.metadata;
  for (let row = start; row < end; row += rowsAtOnce(dataset)) {
    const next = Math.min(end, row + rowsAtOnce(dataset));
    const records = await readRecords(file, dataset, row, next);
    for (let i = 0; i < next - row; i++) {
      const from = i * size + member.offset;
      out.set(records.subarray(from, from + member.size), (row - start + i) * member.size);
    }
  }
  return out;
}

async function vlenStrings(
  file: string,
  dataset: Dataset,
  position: number,
  start: number,
  end: number,
): Promise<string[]> {
  const out: string[] = [];
  for (let row = start; row < end; row += rowsAtOnce(dataset)) {
    const records = readStructs(file, dataset, row, Math.min(end, row + rowsAtOnce(dataset)));
    for (const record of records) out.push(record[position] as string);
  }
  return out;
}

function swapBytes(bytes: Uint8Array, size: number): void {
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
}
