import { createHash } from 'node:crypto';
import type { Json } from './types.js';

/** JSON with the keys of every object in code-point order: equal values, equal text. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key]!)}`);
  return `{${members.join(',')}}`;
}

/** sha256 (hex) of the canonical JSON. */
export const sha256OfJson = (value: Json): string => createHash('sha256').update(canonicalJson(value)).digest('hex');
