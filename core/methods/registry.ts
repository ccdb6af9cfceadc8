import { closest, distance } from 'fastest-levenshtein';
import { invalidConfig } from '../errors.js';
import type { Method } from './types.js';
import { unavailableMethods } from './unavailable.js';

/** Every method that a configuration may name, in the order in which tables list them. */
export const methods: ReadonlyMap<string, Method> = new Map(
  [...unavailableMethods].map((method) => [method.name, method]),
);

export const methodNames: readonly string[] = [...methods.keys()];

/** The method of that name; InvalidConfig that suggests the nearest name and lists all of them. */
export function findMethod(name: string): Method {
  const method = methods.get(name);
  if (method) return method;
  const nearest = closest(name.toLowerCase(), [...methodNames]);
  const suggestion = distance(name.toLowerCase(), nearest) <= 3 ? `Did you mean "${nearest}"? ` : '';
  throw invalidConfig(`Unknown method "${name}"`, `${suggestion}Known methods: ${methodNames.join(', ')}.`);
}
