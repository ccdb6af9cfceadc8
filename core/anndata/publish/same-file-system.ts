import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fromSystemError, invalidConfig } from '../../errors.js';

/**
 * Refuses (InvalidConfig) outputs on another file system than `.obsmith/`, because arrays are published by renaming.
 * What does not exist yet is judged by the nearest folder above it. `outputRoot` is relative to `base`.
 */
export async function checkSameFileSystem(base: string, outputRoot: string): Promise<void> {
  const staging = join(base, '.obsmith');
  const output = resolve(base, outputRoot);
  const [ours, theirs] = await Promise.all([deviceOf(staging), deviceOf(output)]);
  if (ours === theirs) return;
  throw invalidConfig(
    `Outputs at ${output} are on another file system than ${staging}; expected one, because arrays are published by renaming`,
    'Put the whole base folder, with .obsmith/ and the outputs, on one file system; mount or link neither of them elsewhere.',
  );
}

async function deviceOf(path: string): Promise<number> {
  try {
    return (await stat(path)).dev;
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw fromSystemError(error, path);
    return deviceOf(parent);
  }
}
