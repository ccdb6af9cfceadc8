import { readFile } from 'node:fs/promises';
import { readOutcome } from '../../core/dataset/journal.js';
import type { PlanLocation } from '../../workflows/types.js';
import { CHUNKS, METHODS, rowsOfBlock } from './dataset.js';

export interface RowCounts {
  /** Rows whose writing began more than once: what kills and failing disks cost. */
  readonly recomputed: number;
  /** Rows that an attempt took over from an attempt before it. */
  readonly resumed: number;
}

/** Counts rows of a run: recomputed ones from what its workers noted in `notes`, resumed ones from its journal. */
export async function countRows(notes: string, run: PlanLocation): Promise<RowCounts> {
  return { recomputed: await recomputedRows(notes), resumed: await resumedRows(run) };
}

/** Every line is the path of a row block's temporary file: ".../<plan>/<chunk>/<key>/attempt-x/array/.<block>.0.<random>.partial". */
async function recomputedRows(notes: string): Promise<number> {
  const begun = new Set<string>();
  let rows = 0;
  for (const line of (await readFile(notes, 'utf8')).split('\n')) {
    const [, array, block] = /^(.*)\/attempt-[^/]+\/array\/\.(\d+)\./.exec(line) ?? [];
    if (array === undefined) continue;
    const name = `${array} ${block}`;
    if (begun.has(name)) rows += rowsOfBlock(Number(block));
    begun.add(name);
  }
  return rows;
}

async function resumedRows({ base, plan }: PlanLocation): Promise<number> {
  let rows = 0;
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    for (const wave of ['unfitted', 'fitted'] as const) {
      const outcome = (await readOutcome(base, plan, `all/chunk_${chunk}`, wave)) ?? {};
      for (const method of METHODS) rows += (outcome[method]?.blocksResumed ?? 0) * rowsOfBlock(0);
    }
  }
  return rows;
}
