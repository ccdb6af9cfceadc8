import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { invalidConfig, type Problem } from '../errors.js';
import type { Json } from '../methods/types.js';
import { shortPath } from '../short-path.js';
import { compose } from './compose.js';
import { readDefaults } from './defaults.js';
import { derive } from './derive.js';
import { findConfigFile } from './find-file.js';
import { interpolate } from './interpolate.js';
import { notesOf } from './notes.js';
import { applyOverrides } from './overrides.js';
import { ConfigProblems } from './problems.js';
import { checkRules } from './rules.js';
import { checkShape, withDefaults } from './shape.js';
import type { ResolvedConfig } from './types.js';

export interface LoadOptions {
  /** `--set`: key path -> value. */
  readonly set?: Readonly<Record<string, Json>>;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Accepts a base folder that is not on this machine (it becomes a note): for looking at a configuration only. */
  readonly mayLackBase?: boolean;
  /** The paths may be those of a machine that mounts the base folder elsewhere: what is not there is looked for in BASE_FILE_PATH. */
  readonly ofOtherMachine?: boolean;
}

/**
 * Reads a data-set configuration: composition of `defaults:`, overrides, built-in defaults, interpolation, derived keys.
 * Throws InvalidConfig with everything that is wrong in it at once, each with file, line, value and remedy.
 */
export async function loadConfig(path: string, options: LoadOptions = {}): Promise<ResolvedConfig> {
  const { set = {}, env = process.env, cwd = process.cwd(), mayLackBase = false } = options;
  const standIn = options.ofOtherMachine ? env.BASE_FILE_PATH : undefined;
  const file = findConfigFile(path, cwd, standIn);
  const [defaults, composed] = await Promise.all([readDefaults(), compose(file, cwd)]);
  const written = applyOverrides(composed, set);
  const problems = new ConfigProblems(written.places);
  const raw = withDefaults(written.tree, defaults);
  const tree = interpolate(raw, written.places, problems.list);
  const checked = checkShape(tree, raw, defaults, problems);
  const base = baseFolder(checked.base_file_path, { env, cwd, standIn }, problems);
  const derived = derive(checked, base.path, problems);
  checkRules(derived, problems);
  const notes = notesOf(written.tree, defaults, derived.embeddingSections);
  if (base.instead !== undefined) notes.push(`${base.instead} is not there; BASE_FILE_PATH is: ${base.path}`);
  if (!base.exists) {
    const message = `Base folder not found: ${base.path}`;
    if (mayLackBase) notes.push(message);
    else
      problems.add(
        ['base_file_path'],
        message,
        'Set it, or the environment variable BASE_FILE_PATH, to the folder that holds processed/.',
      );
  }
  refuse(problems.inOrder(), shortPath(file, cwd));
  return { file, ...derived, notes };
}

function refuse(problems: readonly Problem[], file: string): void {
  const [first, ...others] = problems;
  if (first === undefined) return;
  if (others.length === 0) throw invalidConfig(first.message, first.remedy, problems);
  throw invalidConfig(`${problems.length} problems in ${file}`, 'Correct the places named above.', problems);
}

interface BaseFolder {
  readonly path: string;
  readonly exists: boolean;
  /** The configured path, where another machine's mount is meant and this one's is BASE_FILE_PATH. */
  readonly instead?: string;
}

function baseFolder(
  configured: string | null,
  { env, cwd, standIn }: { env: NodeJS.ProcessEnv; cwd: string; standIn: string | undefined },
  problems: ConfigProblems,
): BaseFolder {
  const given = configured ?? env.BASE_FILE_PATH;
  if (!given) {
    problems.add(
      ['base_file_path'],
      'no base folder is set',
      'Set base_file_path, or the environment variable BASE_FILE_PATH, to the folder that holds processed/.',
    );
    return { path: cwd, exists: true };
  }
  const path = resolve(cwd, given);
  if (existsSync(path)) return { path, exists: true };
  const mine = standIn ? resolve(cwd, standIn) : path;
  return mine !== path && existsSync(mine) ? { path: mine, exists: true, instead: path } : { path, exists: false };
}
