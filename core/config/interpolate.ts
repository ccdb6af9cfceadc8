import type { Problem } from '../errors.js';
import type { Json } from '../methods/types.js';
import { suggest } from '../suggest.js';
import type { Places } from './places.js';
import { formatPath, isTree, type KeyPath, type Tree, valueAt } from './tree.js';

const REFERENCE = /\$\{([^{}]*)\}/g;

/**
 * Replaces every `${a.b}` by the value of that key; a string that is nothing but one reference takes the value's type.
 * References to unknown keys and cycles are added to `problems` and left as they stand.
 */
export function interpolate(tree: Tree, places: Places, problems: Problem[]): Tree {
  const resolved = new Map<string, Json>();
  return resolveValue(tree, [], []) as Tree;

  function resolveValue(value: Json, path: KeyPath, chain: readonly string[]): Json {
    if (typeof value === 'string') return resolveText(value, path, chain);
    if (Array.isArray(value)) return value.map((item, i) => resolveValue(item, [...path, i], chain));
    if (isTree(value)) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, resolveValue(item, [...path, key], chain)]),
      );
    }
    return value;
  }

  function resolveText(text: string, path: KeyPath, chain: readonly string[]): Json {
    const whole = /^\$\{([^{}]*)\}$/.exec(text);
    if (whole) return lookUp(whole[1]!.trim(), text, path, chain);
    return text.replaceAll(REFERENCE, (reference, key: string) => {
      const value = lookUp(key.trim(), reference, path, chain);
      return typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value);
    });
  }

  function lookUp(key: string, reference: string, path: KeyPath, chain: readonly string[]): Json {
    const known = resolved.get(key);
    if (known !== undefined) return known;
    const target = key.split('.');
    const value = valueAt(tree, target);
    if (value === undefined) {
      const remedy = `Refer to a key of the configuration as \${section.key}. ${suggest(key, keysOf(tree))}`;
      problems.push({
        ...places.of(path),
        message: `${formatPath(path)}: ${reference} refers to an unknown key`,
        remedy,
      });
      return reference;
    }
    if (chain.includes(key) || isAbove(target, path)) {
      const cycle = [...chain, key].join(' -> ');
      problems.push({
        ...places.of(path),
        message: `${formatPath(path)}: ${reference} refers to itself (${cycle})`,
        remedy: 'Give one of these keys a value.',
      });
      return reference;
    }
    const result = resolveValue(value, target, [...chain, key]);
    resolved.set(key, result);
    return result;
  }
}

/** A reference to a map that holds the reference itself would never end. */
function isAbove(target: readonly string[], path: KeyPath): boolean {
  return target.length <= path.length && target.every((key, i) => String(path[i]) === key);
}

function keysOf(tree: Tree, above = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) => [
    above + key,
    ...(isTree(value) ? keysOf(value, `${above}${key}.`) : []),
  ]);
}
