import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { loadPlan, loadPlannedChunk } from '../core/plan/load-plan.js';
import type { PlanLocation } from '../workflows/types.js';

/** Absolute paths of the output stores that a run's chunks have now; none of a run that only prepared, or where this machine does not see the base folder. */
export async function outputsOf(location: PlanLocation): Promise<string[]> {
  const loaded = await loadPlan(location).catch(() => null);
  if (loaded === null || loaded.plan.prepareOnly) return [];
  const outputs: string[] = [];
  for (let index = 0; index < loaded.plan.chunkCount; index++) {
    const { output } = await loadPlannedChunk(loaded, index);
    const path = join(loaded.base, output);
    if (await stat(path).catch(() => null)) outputs.push(path);
  }
  return outputs;
}
