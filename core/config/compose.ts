import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { invalidConfig, isObsmithError, type Problem } from '../errors.js';
import type { Json } from '../methods/types.js';
import { shortPath } from '../short-path.js';
import { Places } from './places.js';
import { readYaml, type YamlFile } from './read-yaml.js';
import { formatValue, merge, type Tree } from './tree.js';

/** The defaults file of that name is built in, so it may be absent beside a configuration. */
const BUILT_IN = 'dataset_default';
const SELF = '_self_';
const NOTHING: YamlFile = { tree: {}, places: new Places() };

/**
 * A configuration with the files of its `defaults:` list merged in order, later ones above; `_self_` is the file itself,
 * on top where it is not listed. Entries are relative to the file; the suffix .yaml may be left out.
 * InvalidConfig with all problems of all files: YAML syntax, missing files, cycles.
 */
export async function compose(file: string, cwd: string): Promise<YamlFile> {
  const problems: Problem[] = [];
  const composed = await composeFile(file, cwd, [], problems);
  if (problems.length > 0) {
    const remedy = problems.length === 1 ? problems[0]!.remedy : 'Correct the places named above.';
    throw invalidConfig(`Configuration ${shortPath(file, cwd)} cannot be composed`, remedy, problems);
  }
  return composed;
}

async function composeFile(
  file: string,
  cwd: string,
  above: readonly string[],
  problems: Problem[],
): Promise<YamlFile> {
  const own = await readYaml(file, cwd).catch((error: unknown) => {
    if (above.length === 0 || !isObsmithError(error)) throw error;
    problems.push(...(error.problems.length > 0 ? error.problems : [{ message: error.message, remedy: error.remedy }]));
    return NOTHING;
  });
  const { defaults, ...tree } = own.tree;
  let merged: Tree = {};
  const places = new Places();
  for (const [entry, index] of listed(defaults, own.places, problems)) {
    const part = entry === SELF ? { tree, places: own.places } : await composeEntry(entry, index);
    merged = merge(merged, part.tree);
    places.addAll(part.places);
  }
  places.set([], { where: shortPath(file, cwd) });
  return { tree: merged, places };

  async function composeEntry(entry: string, index: number): Promise<YamlFile> {
    const target = resolveEntry(file, entry);
    const chain = [...above, file];
    if (target !== null && !chain.includes(target)) return composeFile(target, cwd, chain, problems);
    const place = own.places.of(['defaults', index]);
    if (target !== null) {
      const cycle = [...chain.slice(chain.indexOf(target)), target].map((part) => shortPath(part, cwd)).join(' -> ');
      problems.push({
        ...place,
        message: `defaults: "${entry}" is a cycle: ${cycle}`,
        remedy: 'Remove one of these entries.',
      });
    } else if (entry.replace(/\.ya?ml$/, '') !== BUILT_IN) {
      const message = `defaults: file not found: "${entry}" (looked in ${dirname(file)})`;
      problems.push({ ...place, message, remedy: 'Entries are relative to this file; correct or remove it.' });
    }
    return NOTHING;
  }
}

/** Entries with their position; `_self_` last where it is not listed. */
function listed(defaults: Json | undefined, places: Places, problems: Problem[]): (readonly [string, number])[] {
  const entries: (readonly [string, number])[] = [];
  if (Array.isArray(defaults)) {
    for (const [index, entry] of defaults.entries()) {
      if (typeof entry === 'string') entries.push([entry, index]);
      else {
        const message = `defaults: expected a file name or ${SELF}, found ${formatValue(entry)}`;
        problems.push({ ...places.of(['defaults', index]), message, remedy: 'Name a YAML file beside this one.' });
      }
    }
  } else if (defaults !== undefined && defaults !== null) {
    const message = `defaults: expected a list of files, found ${formatValue(defaults)}`;
    problems.push({ ...places.of(['defaults']), message, remedy: 'Write defaults: [dataset_default.yaml, _self_]' });
  }
  return entries.some(([entry]) => entry === SELF) ? entries : [...entries, [SELF, -1]];
}

function resolveEntry(file: string, entry: string): string | null {
  const path = resolve(dirname(file), entry);
  return [path, `${path}.yaml`, `${path}.yml`].find((candidate) => existsSync(candidate)) ?? null;
}
