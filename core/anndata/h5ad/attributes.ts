import type { Attribute } from 'h5wasm/node';
import type { Json } from '../../methods/types.js';
import { type H5Type, numericDtype } from './dataset.js';

/** HDF5 attributes as JSON; references (pointers into the file) have no counterpart and are left out. */
export function readAttributes(attributes: Readonly<Record<string, Attribute>>): Record<string, Json> {
  const read: Record<string, Json> = {};
  for (const [name, attribute] of Object.entries(attributes)) {
    const value = jsonOf(attribute);
    if (value !== undefined) read[name] = value;
  }
  return read;
}

function jsonOf(attribute: Attribute): Json | undefined {
  const { value } = attribute;
  const boolean = numericDtype(attribute.metadata as H5Type) === 'bool';
  // h5py stores an empty list as an array without items, or as no data space at all.
  if (value === null) return [];
  if (ArrayBuffer.isView(value))
    return Array.from(value as unknown as Iterable<number | bigint>, (item) => scalar(item, boolean));
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string') ? value : undefined;
  if (typeof value === 'object') return undefined;
  return scalar(value, boolean);
}

function scalar(value: string | number | bigint | boolean, boolean: boolean): Json {
  if (boolean) return Boolean(Number(value));
  return typeof value === 'bigint' ? Number(value) : value;
}
