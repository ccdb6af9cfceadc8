import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { isInside } from '../dataset/layout.js';
import { isObsmithError, ObsmithError } from '../errors.js';
import { modelsFolder } from './bundle/find.js';
import { BUNDLE_FILE, loadBundle, loadTokenBundle } from './bundle/load.js';
import type { Bundle, TokenBundle } from './bundle/types.js';

/** The bundle that a plan was made with. */
export interface PlannedModel {
  readonly id: string;
  /** sha256 (hex) of its bundle.json. */
  readonly sha256: string;
  /** Where planning found it: relative to the base folder where it lies below it, else absolute. */
  readonly folder: string;
  /** Bytes of its graphs and weights. */
  readonly weightBytes: number;
}

export function plannedModel({ id, sha256, folder, weightBytes }: Bundle, base: string): PlannedModel {
  return { id, sha256, weightBytes, folder: isInside(base, folder) ? relative(base, folder) : folder };
}

/** A thread loads and checks a bundle once; plans name the very bytes, so it stays what it was. */
const bundles = new Map<string, Bundle>();
const tokenBundles = new Map<string, TokenBundle>();

/** Where a worker looks for the bundle of a plan. */
type ModelPlace = Pick<PlannedModel, 'id' | 'sha256' | 'folder'>;

/**
 * The bundle of a plan as this worker has it: where planning found it, else under its id in this worker's own models
 * folder. MissingModel where neither holds the very same bundle.
 */
export const loadPlannedModel = (
  model: ModelPlace,
  base: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Bundle> => loadPlanned(model, base, env, bundles, loadBundle);

/** What tokenizing needs of the bundle of a plan, found in the same way. Its graphs and weights need not be there. */
export const loadPlannedVocabulary = (
  model: ModelPlace,
  base: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<TokenBundle> => loadPlanned(model, base, env, tokenBundles, loadTokenBundle);

async function loadPlanned<Loaded extends { readonly sha256: string }>(
  model: ModelPlace,
  base: string,
  env: NodeJS.ProcessEnv,
  loaded: Map<string, Loaded>,
  load: (folder: string) => Promise<Loaded>,
): Promise<Loaded> {
  const known = loaded.get(model.sha256);
  if (known) return known;
  const found: string[] = [];
  for (const folder of [resolve(base, model.folder), join(modelsFolder(null, base, env), model.id)]) {
    if (!existsSync(join(folder, BUNDLE_FILE))) {
      found.push(`no bundle in ${folder}`);
      continue;
    }
    const bundle = await load(folder).catch(asMissing);
    if ('sha256' in bundle && bundle.sha256 === model.sha256) {
      loaded.set(model.sha256, bundle);
      return bundle;
    }
    found.push('sha256' in bundle ? `another one in ${folder} (sha256 ${bundle.sha256})` : bundle.message);
  }
  throw new ObsmithError({
    type: 'MissingModel',
    message: `This worker lacks the model bundle ${model.id} (sha256 ${model.sha256}) that the run was planned with: ${found.join('; ')}`,
    remedy: 'Add it on this machine with: obsmith models add BUNDLE, or start the run again where the bundle changed.',
  });
}

function asMissing(error: unknown): ObsmithError {
  if (isObsmithError(error) && error.type === 'MissingModel') return error;
  throw error;
}
