import { existsSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';

/**
 * Absolute path of a configuration file: where its path says; or, where nothing is there, below the base folder of this
 * machine (`base`, its BASE_FILE_PATH) by the longest end of the path that is there, because who named the file may mount
 * the base folder elsewhere.
 */
export function findConfigFile(path: string, cwd: string, base: string | undefined): string {
  const file = resolve(cwd, path);
  if (existsSync(file) || !base) return file;
  const parts = path.split(sep).filter((part) => part !== '' && part !== '.');
  const ends = parts.map((_, at) => join(resolve(cwd, base), ...parts.slice(at)));
  return ends.find((end) => existsSync(end)) ?? file;
}
