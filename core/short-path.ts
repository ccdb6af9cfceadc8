import { relative } from 'node:path';

/** A path as people want to read it: relative to the working directory where it lies below. */
export function shortPath(path: string, cwd: string): string {
  const way = relative(cwd, path);
  return way === '' || way.startsWith('..') ? path : way;
}
