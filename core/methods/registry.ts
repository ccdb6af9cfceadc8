import { invalidConfig } from '../errors.js';
import { suggest } from '../suggest.js';
import { gs, gs10k } from './gene-selection.js';
import { geneformer, geneformerV1 } from './geneformer.js';
import { hvg } from './hvg.js';
import { pca } from './pca.js';
import { scviFm } from './scvi-fm.js';
import type { Method } from './types.js';
import { unavailableMethods } from './unavailable.js';

/** Every method that a configuration may name, in the order in which tables list them. */
export const methods: ReadonlyMap<string, Method> = new Map(
  [hvg, pca, gs, gs10k, scviFm, geneformer, geneformerV1, ...unavailableMethods].map((method) => [method.name, method]),
);

export const methodNames: readonly string[] = [...methods.keys()];

/** The method of that name; InvalidConfig with a suggestion where there is none. */
export function findMethod(name: string): Method {
  const method = methods.get(name);
  if (method) return method;
  throw invalidConfig(`Unknown method "${name}"`, suggest(name, methodNames));
}
