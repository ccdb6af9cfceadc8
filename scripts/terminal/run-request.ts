import { type Command, Option } from 'commander';
import { EMBEDDING_SECTIONS } from '../../core/config/types.js';
import type { Json } from '../../core/methods/types.js';
import type { RunRequest } from '../../core/plan/types.js';
import { listOption, repeatableOption, setOption } from './options.js';

/** What `plan` and `run` take to narrow or change a run. */
export interface RequestOptions {
  readonly section?: (typeof EMBEDDING_SECTIONS)[number];
  readonly methods?: string[];
  readonly chunk?: string[];
  readonly prepareOnly?: boolean;
  readonly overwrite?: boolean;
  readonly set: Record<string, Json>;
}

export function addRequestOptions(command: Command): Command {
  return command
    .addOption(new Option('--section <name>', 'only the methods of this section').choices(EMBEDDING_SECTIONS))
    .addOption(listOption('--methods <a,b>', 'only these methods'))
    .addOption(repeatableOption('--chunk <split/chunk>', 'only this chunk, e.g. train/chunk_0 (repeatable)'))
    .option('--prepare-only', 'plan and prepare, embed nothing')
    .option('--overwrite', 'compute arrays that are there already again')
    .addOption(setOption());
}

/** The request that a command line stands for, with only the keys that were given. */
export function requestOf(config: string, options: RequestOptions): RunRequest {
  const { section, methods, chunk, prepareOnly, overwrite, set } = options;
  return {
    config,
    ...(section ? { section } : {}),
    ...(methods ? { methods } : {}),
    ...(chunk ? { chunks: chunk } : {}),
    ...(prepareOnly ? { prepareOnly } : {}),
    ...(overwrite ? { overwrite } : {}),
    ...(Object.keys(set).length > 0 ? { set } : {}),
  };
}
