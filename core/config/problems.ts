import type { z } from 'zod';
import type { Problem } from '../errors.js';
import { suggest } from '../suggest.js';
import type { Places } from './places.js';
import { formatPath, formatValue, isTree, type KeyPath, type Tree, valueAt } from './tree.js';

const LAST = Number.MAX_SAFE_INTEGER;

/** Problems found in a configuration, each with the place that its key was written at. */
export class ConfigProblems {
  readonly list: Problem[] = [];
  readonly #places: Places;
  readonly #at: KeyPath[] = [];

  constructor(places: Places) {
    this.#places = places;
  }

  /** `message` is put after the key: "embedding_cpu.batch_size: ...". */
  add(path: KeyPath, message: string, remedy: string): void {
    this.#at.push(path);
    const key = formatPath(path);
    this.list.push({ ...this.#places.of(path), message: key === '' ? message : `${key}: ${message}`, remedy });
  }

  /** True where something at or below the path, or above it, was found wrong already. */
  touches(path: KeyPath): boolean {
    return this.#at.some((other) => other.slice(0, path.length).every((key, i) => String(key) === String(path[i])));
  }

  /** File by file, each from top to bottom; problems without a line last. */
  inOrder(): Problem[] {
    const files = [...new Set(this.list.map((problem) => problem.where))];
    return this.list.toSorted(
      (a, b) => files.indexOf(a.where) - files.indexOf(b.where) || (a.line ?? LAST) - (b.line ?? LAST),
    );
  }

  /** Adds what zod found: unknown keys with the nearest known one, wrong types and ranges with the value found. */
  addIssues(
    issues: readonly z.core.$ZodIssue[],
    tree: Tree,
    defaults: Tree,
    schemaKeys: (path: KeyPath) => readonly string[],
    above: KeyPath = [],
  ): void {
    for (const issue of issues) {
      const path = [...above, ...(issue.path as KeyPath)];
      if (issue.code === 'unrecognized_keys') {
        for (const key of issue.keys) this.add([...path, key], 'unknown key', suggest(key, schemaKeys(path)));
        continue;
      }
      const expected = issue.code === 'custom' ? issue.message : expectedBy(issue);
      const found = valueAt(tree, path);
      this.add(
        path,
        `expected ${expected}, found ${formatValue(found)}`,
        remedyFor(path, expected, found, valueAt(defaults, path)),
      );
    }
  }
}

function expectedBy(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type')
    return issue.expected === 'object' || issue.expected === 'record' ? 'a mapping of keys' : issue.expected;
  return issue.message;
}

function remedyFor(path: KeyPath, expected: string, found: unknown, byDefault: unknown): string {
  const key = String(path.at(-1) ?? '');
  if (key === 'output_format' && found === 'h5ad') {
    return 'Remove output_format or set it to zarr; anndata.read_zarr(path).write_h5ad(...) converts an output.';
  }
  if (expected === 'a list of texts' && typeof found === 'string') return `Write a list: ${key}: [${found}]`;
  if (expected === 'true or false' && typeof found === 'string')
    return `Write ${key}: true or ${key}: false, without quotes.`;
  if (
    typeof found === 'string' &&
    expected.includes('number') &&
    found.trim() !== '' &&
    Number.isFinite(Number(found))
  ) {
    return `Write the number without quotes: ${key}: ${found}`;
  }
  if (found === undefined || found === null) return `Set ${formatPath(path)}.`;
  if (byDefault !== undefined && byDefault !== null && !isTree(byDefault))
    return `Correct it, or remove the key; the default is ${formatValue(byDefault)}.`;
  return 'Correct it, or remove the key.';
}
