import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { fromSystemError, isObsmithError, ObsmithError } from '../../errors.js';
import { BUNDLE_FILE, loadBundle, readDescription } from './load.js';
import type { BundleDescription } from './schema.js';
import type { Bundle } from './types.js';

/**
 * The folder that bundles lie in: the configuration's `models_dir` (relative to the base folder), else OBSMITH_MODELS,
 * else `models` in the user's data folder (XDG_DATA_HOME or ~/.local/share, and below it obsmith). Absolute.
 */
export function modelsFolder(configured: string | null, base: string, env: NodeJS.ProcessEnv): string {
  if (configured) return resolve(base, configured);
  if (env.OBSMITH_MODELS) return resolve(env.OBSMITH_MODELS);
  return join(env.XDG_DATA_HOME || join(env.HOME || homedir(), '.local', 'share'), 'obsmith', 'models');
}

/** A folder that claims to be a bundle. */
export interface FoundBundle {
  readonly folder: string;
  /** What bundle.json says, or why it cannot be read. */
  readonly description: BundleDescription | ObsmithError;
}

/** Bundles of a models folder by folder name; their files are not checked. None where the folder is absent. */
export async function listBundles(modelsDir: string): Promise<FoundBundle[]> {
  const folders = (await foldersIn(modelsDir)).filter((folder) => existsSync(join(folder, BUNDLE_FILE)));
  return Promise.all(
    folders.map(async (folder) => {
      const description = await readDescription(folder).catch((error: unknown) => {
        if (isObsmithError(error)) return error as ObsmithError;
        throw error;
      });
      return { folder, description };
    }),
  );
}

export interface BundleRequest {
  /** Absolute base folder, which a path is relative to. */
  readonly base: string;
  /** Absolute; see `modelsFolder`. */
  readonly modelsDir: string;
  /** "geneformer", "geneformer-v1", "scvi_fm", "pca"; null where a person asks for the bundle itself. */
  readonly method: string | null;
  /** Id of a bundle, or the path of its folder; as in method_options.<method>.model. */
  readonly model: string;
}

/** The bundle that a method asks for, loaded and checked. MissingModel says how to make or get one that is absent. */
export async function findBundle(request: BundleRequest): Promise<Bundle> {
  return loadBundle(await findBundleFolder(request));
}

/** Absolute folder of the bundle of that id or path. MissingModel says how to make or get one that is absent. */
export async function findBundleFolder({ base, modelsDir, method, model }: BundleRequest): Promise<string> {
  if (isPath(model)) {
    const folder = resolve(base, model);
    if (existsSync(join(folder, BUNDLE_FILE))) return folder;
    throw missing(method, model, `there is no ${BUNDLE_FILE} in ${folder}`);
  }
  const bundles = await listBundles(modelsDir);
  const found = bundles.find(({ description }) => 'id' in description && description.id === model);
  if (found) return found.folder;
  const ids = bundles.flatMap(({ description }) => ('id' in description ? [description.id] : []));
  throw missing(method, model, `no bundle "${model}" in ${modelsDir}, which has ${ids.join(', ') || 'none'}`);
}

const isPath = (model: string): boolean => isAbsolute(model) || /[/\\]/.test(model);

/** How to export each method's model; what stands in angle brackets is the user's. The name of the folder becomes the id. */
const EXPORT: Readonly<Record<string, string>> = {
  geneformer:
    'python scripts/export/geneformer.py --model <Geneformer-V2-104M> --series V2 --token-dictionary <token_dictionary_gc104M.pkl> --gene-median <gene_median_dictionary_gc104M.pkl> --ensembl-mapping <ensembl_mapping_dict_gc104M.pkl>',
  'geneformer-v1':
    'python scripts/export/geneformer.py --model <geneformer-12L-30M> --series V1 --token-dictionary <token_dictionary_gc30M.pkl> --gene-median <gene_median_dictionary_gc30M.pkl>',
  scvi_fm: 'python scripts/export/scvi.py --model <hub folder with model.pt>',
  pca: 'python scripts/export/pca.py --model <arrays.npz>',
};

/** Where the requirements of the others are not needed. */
const INSTALL: Readonly<Record<string, string>> = { pca: 'numpy' };

/** What `model` may name beside bundles. */
const BUILT_IN: Readonly<Record<string, string>> = { pca: 'fit or pretrained, which need no bundle, or ' };

function missing(method: string | null, model: string, what: string): ObsmithError {
  if (method === null) {
    return new ObsmithError({
      type: 'MissingModel',
      message: `Model bundle not found: ${what}`,
      remedy: 'See what there is with: obsmith models list. A path needs a slash, e.g. ./bundle',
    });
  }
  const folder = isPath(model) ? model : `./${model}`;
  const make = EXPORT[method];
  const get = make
    ? `Make the bundle once, where Python is: pip install ${INSTALL[method] ?? '-r scripts/export/requirements.txt'}, then ${make} --out ${folder}`
    : 'Get the bundle';
  const add = isPath(model) ? '' : `, and add it, or one made elsewhere, with: obsmith models add ${folder}`;
  return new ObsmithError({
    type: 'MissingModel',
    message: `The model of ${method} is missing: ${what}`,
    remedy: `${get}${add}. Or name ${BUILT_IN[method] ?? ''}another one in method_options.${method}.model, or set skip_unavailable: true to run the other methods.`,
  });
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith('.'))
      .map((entry) => join(folder, entry.name))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw fromSystemError(error, folder);
  }
}
