import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fromSystemError, invalidInput } from '../../errors.js';
import { BUNDLE_FILE, loadBundle } from './load.js';
import type { Bundle } from './types.js';

export interface AddRequest {
  /** Folder of the bundle. */
  readonly source: string;
  readonly modelsDir: string;
  /** Takes the place of a bundle of the same id. */
  readonly replace: boolean;
}

/**
 * Copies a checked bundle into the models folder, under its id; it appears by a rename, whole or not at all. A bundle
 * that is there already with the same files is left as it is; InvalidInput where it is another one, unless `replace`.
 */
export async function addBundle({ source, modelsDir, replace }: AddRequest): Promise<Bundle> {
  const given = await loadBundle(source);
  const target = join(modelsDir, given.id);
  if (resolve(target) === given.folder) return given;
  if (await exists(target)) {
    const there = await loadBundle(target).catch(() => null);
    if (there?.sha256 === given.sha256) return there;
    if (!replace) {
      throw invalidInput(
        `${target} holds another bundle of the id ${given.id}`,
        'Take its place with --replace, or give the new bundle another id when exporting it.',
      );
    }
  }
  return replaceFolder(given, target, modelsDir);
}

async function replaceFolder(given: Bundle, target: string, modelsDir: string): Promise<Bundle> {
  const staged = join(modelsDir, `.${given.id}.${randomUUID().slice(0, 8)}.partial`);
  try {
    await mkdir(staged, { recursive: true });
    for (const name of [BUNDLE_FILE, ...Object.keys(given.files)]) {
      await copyFile(join(given.folder, name), join(staged, name));
    }
    await loadBundle(staged);
    await rm(target, { recursive: true, force: true });
    await rename(staged, target);
  } catch (error) {
    throw fromSystemError(error, staged);
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
  return { ...given, folder: target };
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
