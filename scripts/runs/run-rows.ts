import { readOutcome } from '../../core/dataset/journal.js';
import { loadPlan, loadPlannedChunk } from '../../core/plan/load-plan.js';
import { waveOf } from '../../core/plan/types.js';
import type { PlanLocation } from '../../workflows/types.js';

/** What became of one method on one chunk. */
export interface RunRow {
  readonly chunk: string;
  readonly method: string;
  readonly cells: number;
  readonly dim: number;
  readonly seconds: number;
  readonly state: string;
}

/** States of a run that only prepares. */
const PREPARED: Readonly<Record<string, string>> = { computed: 'prepared', skipped: 'done before' };

/** Rows of a small run from its journal; null where there are too many to show, or this machine does not see the base folder. */
export async function runRows(location: PlanLocation, most: number): Promise<RunRow[] | null> {
  const loaded = await loadPlan(location).catch(() => null);
  if (loaded === null || loaded.plan.chunkCount * loaded.plan.methods.length > most) return null;
  const rows: RunRow[] = [];
  for (let index = 0; index < loaded.plan.chunkCount; index++) {
    const chunk = await loadPlannedChunk(loaded, index);
    for (const method of loaded.plan.methods) {
      const outcomes = await readOutcome(loaded.base, loaded.plan.id, chunk.name, waveOf(method));
      const { state, seconds } = outcomes?.[method.method] ?? { state: 'not run', seconds: 0 };
      const shown = loaded.plan.prepareOnly ? (PREPARED[state] ?? state) : state;
      rows.push({
        chunk: chunk.name,
        method: method.method,
        cells: chunk.cells,
        dim: method.dim,
        seconds,
        state: shown,
      });
    }
  }
  return rows;
}
