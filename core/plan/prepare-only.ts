import { type ConfiguredMethod, resolveMethods } from '../config/methods.js';
import type { ResolvedConfig } from '../config/types.js';
import { findMethod } from '../methods/registry.js';
import type { RunRequest } from './types.js';

/** Whether a run only plans and prepares, and writes nothing to the outputs. */
export const isPrepareOnly = ({ prepareOnly, section }: Pick<RunRequest, 'prepareOnly' | 'section'>): boolean =>
  prepareOnly === true || section === 'embedding_preparation';

/**
 * The methods of a run. Of one that only prepares, those that need preparation: where the request does not name methods,
 * embedding_preparation narrows them, if it is there and names any. None may be left.
 */
export function methodsToRun(config: ResolvedConfig, request: RunRequest): ConfiguredMethod[] {
  const methods = resolveMethods(config, request);
  if (!isPrepareOnly(request)) return methods;
  const { enabled, methods: named } = config.embeddingSections.embedding_preparation ?? { enabled: false, methods: [] };
  const narrows = request.methods === undefined && enabled && named.length > 0;
  return methods
    .filter(({ method }) => findMethod(method).preparation !== undefined)
    .filter(({ method }) => !narrows || named.includes(method));
}
