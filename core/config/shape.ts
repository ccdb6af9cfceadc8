import type { z } from 'zod';
import type { Json } from '../methods/types.js';
import type { ConfigProblems } from './problems.js';
import { type CheckedConfig, configSchema, embeddingSchema } from './schema.js';
import { isTree, type KeyPath, merge, type Tree, valueAt, withValue } from './tree.js';
import { EMBEDDING_SECTIONS } from './types.js';

/**
 * What the user wrote with the built-in defaults below it. Embedding sections are never added, only completed:
 * one that is not there stays null. Other sections that stand empty count as not written.
 */
export function withDefaults(written: Tree, defaults: Tree): Tree {
  const isEmbedding = (key: string) => (EMBEDDING_SECTIONS as readonly string[]).includes(key);
  const below = Object.fromEntries(Object.entries(defaults).filter(([key]) => !isEmbedding(key)));
  const above = Object.entries(written).filter(
    ([key, value]) => !isEmbedding(key) && !(value === null && isTree(defaults[key])),
  );
  const sections = EMBEDDING_SECTIONS.map((name): [string, Json] => {
    const section = written[name] ?? null;
    return [name, isTree(section) ? merge(defaults[name] as Tree, section) : section];
  });
  return { ...merge(below, Object.fromEntries(above)), ...Object.fromEntries(sections) };
}

/**
 * Checks keys, types and ranges. What is wrong is added to `problems` and replaced by its default in the result, so that
 * the rules across keys can still be checked. `raw` is the tree before interpolation.
 */
export function checkShape(tree: Tree, raw: Tree, defaults: Tree, problems: ConfigProblems): CheckedConfig {
  const parsed = configSchema.safeParse(tree);
  // The tree itself, since zod's copy of it has the keys in another order than people wrote them.
  if (parsed.success) return tree as CheckedConfig;
  const { issues } = parsed.error;
  const own = issues.filter((issue) => !comesFromAnother(issue, issues, raw));
  problems.addIssues(own, tree, defaults, knownKeys);
  return configSchema.parse(repair(tree, defaults, issues));
}

/** A wrong value that a key has only because it refers to another key with it is told once, there. */
function comesFromAnother(issue: z.core.$ZodIssue, issues: readonly z.core.$ZodIssue[], raw: Tree): boolean {
  const text = valueAt(raw, issue.path.map(String));
  return issues.some((other) => other !== issue && text === `\${${other.path.join('.')}}`);
}

function knownKeys(path: KeyPath): readonly string[] {
  const [section] = path;
  if (section === undefined) return ['defaults', ...Object.keys(configSchema.shape)];
  if (section === 'dataset') return Object.keys(configSchema.shape.dataset.shape);
  return Object.keys(embeddingSchema.shape);
}

/** Stands in for a name that cannot be used, so that the paths made of it can be checked. */
const UNNAMED = 'unnamed';

function repair(tree: Tree, defaults: Tree, issues: readonly z.core.$ZodIssue[]): Tree {
  let repaired = tree;
  for (const issue of issues) {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) repaired = withValue(repaired, [...path, key], undefined);
    } else if (path.join('.') === 'dataset.name') {
      repaired = withValue(repaired, path, UNNAMED);
    } else if (path.length === 1 && path[0] === 'dataset') {
      repaired = withValue(repaired, path, { ...(defaults.dataset as Tree), name: UNNAMED });
    } else if (path.length === 1 && (EMBEDDING_SECTIONS as readonly string[]).includes(path[0]!)) {
      repaired = withValue(repaired, path, null);
    } else {
      const byDefault = valueAt(defaults, path);
      repaired = withValue(
        repaired,
        path,
        typeof byDefault === 'string' && byDefault.includes('${') ? true : byDefault,
      );
    }
  }
  return repaired;
}
