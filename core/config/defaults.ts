import { join } from 'node:path';
import { PACKAGE_ROOT } from '../package-root.js';
import { readYaml } from './read-yaml.js';
import type { Tree } from './tree.js';

/** The built-in defaults are a file that people can read, and the only place where defaults are written. */
const DEFAULTS_FILE = join(PACKAGE_ROOT, 'conf', 'dataset_default.yaml');

export async function readDefaults(): Promise<Tree> {
  return (await readYaml(DEFAULTS_FILE, PACKAGE_ROOT)).tree;
}
