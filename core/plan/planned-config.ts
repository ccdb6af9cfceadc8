import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { ResolvedConfig } from '../config/types.js';
import { planFolder, plansFolder } from '../dataset/layout.js';
import { fromSystemError } from '../errors.js';
import type { Plan, RunIdentity } from './types.js';

/** The configuration that a workflow run was planned with; null where this base folder has no plan of it (yet). */
export async function plannedConfig(base: string, { workflowId, runId }: RunIdentity): Promise<ResolvedConfig | null> {
  const ids = (await ifThere(readdir(join(base, plansFolder())), base)) ?? [];
  // Ids begin with the time of planning, and the plan that is looked for is that of a run that goes on.
  for (const id of ids.sort().reverse()) {
    const folder = join(base, planFolder(id));
    const text = await ifThere(readFile(join(folder, 'plan.json'), 'utf8'), folder);
    const { run } = text === null ? { run: null } : (JSON.parse(text) as Plan);
    if (run?.workflowId !== workflowId || run.runId !== runId) continue;
    const config = await ifThere(readFile(join(folder, 'config.yaml'), 'utf8'), folder);
    return config === null ? null : (parse(config) as ResolvedConfig);
  }
  return null;
}

async function ifThere<Found>(reading: Promise<Found>, path: string): Promise<Found | null> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw fromSystemError(error, path);
  }
}
