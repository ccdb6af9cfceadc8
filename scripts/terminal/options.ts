import { InvalidArgumentError, Option } from 'commander';
import { parseOverride } from '../../core/config/overrides.js';
import { isObsmithError, withRemedy } from '../../core/errors.js';
import type { Json } from '../../core/methods/types.js';

/** `--set key.path=value`, repeatable; gives `set: { "key.path": value }` as a RunRequest wants it. */
export function setOption(): Option {
  return new Option('--set <key.path=value>', 'override one configuration key; the value is YAML (repeatable)')
    .default({}, 'nothing')
    .argParser((text: string, all: Record<string, Json>) => {
      try {
        const { key, value } = parseOverride(text);
        return { ...all, [key]: value };
      } catch (error) {
        if (isObsmithError(error)) throw new InvalidArgumentError(withRemedy(error));
        throw error;
      }
    });
}

/** A comma-separated list: "hvg,pca". */
export function listOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text: string) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  );
}

/** An option that may be given several times. */
export function repeatableOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text: string, all: string[] | undefined) => [...(all ?? []), text]);
}
