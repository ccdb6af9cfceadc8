import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { parse, stringify } from 'yaml';
import type { ResolvedConfig } from '../core/config/types.js';
import { plannedConfig } from '../core/plan/planned-config.js';
import type { RunIdentity } from '../core/plan/types.js';
import type { RunRequest } from '../workflows/types.js';

/** A run may have been started a moment ago. */
const PLANNED_WITHIN_MS = 5_000;
const LOOK_AGAIN_MS = 200;

/**
 * True where a run that goes on does what `request` asks for although they differ in letters: a path of the configuration
 * is resolved by the worker, and overrides may say what is written there anyway. What the run was planned with decides, so
 * false where it was not planned in this base folder.
 */
export async function runsAlike(
  running: { readonly request: unknown; readonly run: RunIdentity },
  request: RunRequest,
  config: ResolvedConfig,
): Promise<boolean> {
  if (!isDeepStrictEqual(scopeOf(running.request), scopeOf(request))) return false;
  const until = Date.now() + PLANNED_WITHIN_MS;
  let planned = await plannedConfig(config.base, running.run);
  while (planned === null && Date.now() < until) {
    await sleep(LOOK_AGAIN_MS);
    planned = await plannedConfig(config.base, running.run);
  }
  return planned !== null && isDeepStrictEqual(meaningOf(planned), meaningOf(parse(stringify(config))));
}

function scopeOf(request: unknown): Partial<RunRequest> {
  const { config: _, set: __, ...scope } = (request ?? {}) as RunRequest;
  return scope;
}

/** All of a configuration but where this machine has it, and remarks about that. The base folder is that of the plan. */
function meaningOf({ file: _, base: __, notes: ___, ...meaning }: ResolvedConfig): Partial<ResolvedConfig> {
  return meaning;
}
