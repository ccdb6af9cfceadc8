import { isObsmithError } from '../../core/errors.js';
import { listBundles, modelsFolder } from '../../core/inference/bundle/find.js';
import { loadBundle } from '../../core/inference/bundle/load.js';
import type { Bundle } from '../../core/inference/bundle/types.js';
import { loadRuntime } from '../../core/inference/runtime.js';
import { absent, type Check, ok } from './checks.js';

const ADD =
  'Only for geneformer, scvi_fm and pca models of your own: make a bundle with scripts/export, then: obsmith models add BUNDLE';

/** The bundles of the models folder, each checked whole. Configurations may name other folders (models_dir). */
export async function checkModels(env: NodeJS.ProcessEnv, cwd: string): Promise<Check> {
  const name = 'model bundles';
  const folder = modelsFolder(null, cwd, env);
  const bundles = await Promise.all((await listBundles(folder)).map((found) => loadOrDamage(found.folder)));
  const valid = bundles.flatMap((bundle) => (typeof bundle === 'string' ? [] : [bundle]));
  const damaged = bundles.filter((bundle) => typeof bundle === 'string');
  if (bundles.length === 0) return absent(name, `none in ${folder}`, ADD);
  const found = `${folder}: ${[...valid.map(describe), ...damaged].join('; ')}`;
  if (damaged.length === 0) return ok(name, found);
  return absent(name, found, 'Make or copy what is damaged anew: obsmith models verify names the files.');
}

async function loadOrDamage(folder: string): Promise<Bundle | string> {
  try {
    return await loadBundle(folder);
  } catch (error) {
    if (isObsmithError(error)) return `damaged: ${error.message}`;
    throw error;
  }
}

const describe = (bundle: Bundle): string =>
  `${bundle.id} (${bundle.kind === 'geneformer' ? `geneformer ${bundle.series}` : bundle.kind}, ${bundle.dim} dimensions)`;

/** What runs the models: its version, and the execution providers that it brings or would take. */
export async function checkRuntime(): Promise<Check> {
  const name = 'ONNX Runtime';
  try {
    const { env, listSupportedBackends } = await loadRuntime();
    const providers = listSupportedBackends().map((backend) =>
      backend.bundled ? backend.name : `${backend.name} once its libraries are there`,
    );
    return ok(name, `${env.versions.node}; execution providers: ${providers.join(', ')}`);
  } catch (cause) {
    const found = `does not load, so no model can run: ${cause instanceof Error ? cause.message : String(cause)}`;
    return absent(name, found, 'Install again with: npm ci');
  }
}
