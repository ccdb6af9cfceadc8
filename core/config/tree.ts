import type { Json } from '../methods/types.js';

/** A configuration before it is checked: plain YAML values. */
export type Tree = { [key: string]: Json };
export type KeyPath = readonly (string | number)[];

export const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Maps merge key by key, everything else is replaced. Neither argument is changed. */
export function merge(below: Tree, above: Tree): Tree {
  const merged = new Map<string, Json>(Object.entries(below));
  for (const [key, value] of Object.entries(above)) {
    const under = merged.get(key);
    merged.set(key, isTree(under) && isTree(value) ? merge(under, value) : value);
  }
  return Object.fromEntries(merged);
}

/** Value at a path; undefined where there is none. */
export function valueAt(tree: Json | undefined, path: KeyPath): Json | undefined {
  let value: Json | undefined = tree;
  for (const key of path) {
    if (Array.isArray(value)) value = value[Number(key)];
    else if (isTree(value) && Object.hasOwn(value, key)) value = value[key];
    else return undefined;
  }
  return value;
}

/** A copy in which the key at the path has this value, or is gone where it is undefined. */
export function withValue(tree: Tree, [key, ...rest]: readonly string[], value: Json | undefined): Tree {
  if (key === undefined) return tree;
  const entries = new Map<string, Json>(Object.entries(tree));
  if (rest.length > 0) {
    const below = entries.get(key);
    entries.set(key, withValue(isTree(below) ? below : {}, rest, value));
  } else if (value === undefined) entries.delete(key);
  else entries.set(key, value);
  return Object.fromEntries(entries);
}

/** "embedding_cpu.methods[0]" */
export function formatPath(path: KeyPath): string {
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? key : `.${key}`)).join('');
}

/** A value as it stands in a message. */
export function formatValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
