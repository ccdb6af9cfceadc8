import { parseDocument } from 'yaml';
import { invalidConfig } from '../errors.js';
import type { Json } from '../methods/types.js';
import type { YamlFile } from './read-yaml.js';
import { withValue } from './tree.js';

export interface Override {
  /** "embedding_cpu.batch_size" */
  readonly key: string;
  readonly value: Json;
}

/** Reads `key.path=value` (the value is YAML: `true`, `12`, `[hvg, pca]`, `{scope: chunk}`); InvalidConfig where it is not of that form. */
export function parseOverride(text: string): Override {
  const equals = text.indexOf('=');
  const key = text.slice(0, Math.max(0, equals)).trim();
  if (!/^[^\s.=]+(\.[^\s.=]+)*$/.test(key)) {
    throw invalidConfig(
      `--set expects key.path=value, found "${text}"`,
      'Write for example --set embedding_cpu.batch_size=64',
    );
  }
  const document = parseDocument(text.slice(equals + 1));
  const error = document.errors[0];
  if (error !== undefined) {
    throw invalidConfig(
      `--set ${key}: the value is not YAML: ${error.message.split('\n')[0]}`,
      `Quote the value, e.g. --set '${key}="text"'`,
    );
  }
  return { key, value: document.toJS() as Json };
}

/** Lays overrides over a composed configuration; its places are extended. Whether the keys exist is checked with all others. */
export function applyOverrides({ tree, places }: YamlFile, overrides: Readonly<Record<string, Json>>): YamlFile {
  let overridden = tree;
  for (const [key, value] of Object.entries(overrides)) {
    const path = key.split('.');
    overridden = withValue(overridden, path, value);
    places.set(path, { where: `--set ${key}` });
  }
  return { tree: overridden, places };
}
