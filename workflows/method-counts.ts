import type { ChunkOutcome, MethodCounts } from './types.js';

export type Counts = { -readonly [K in keyof MethodCounts]-?: MethodCounts[K] };

export const noCounts = (): Counts => ({ prepared: 0, done: 0, failed: 0, cancelled: 0, cells: 0, computedCells: 0 });

/** Counts one method of one chunk, or takes it back with `times` -1. */
export function countOutcome(
  counts: Counts,
  { state, cells, preparation }: Pick<ChunkOutcome[string], 'state' | 'cells' | 'preparation'>,
  times: 1 | -1 = 1,
): void {
  if (preparation) counts.prepared += times;
  if (state === 'failed' || state === 'cancelled') {
    counts[state] += times;
    return;
  }
  counts.done += times;
  counts.cells += times * cells;
  if (state === 'computed') counts.computedCells += times * cells;
}

export function addCounts(counts: Counts, more: MethodCounts): void {
  for (const key of Object.keys(counts) as (keyof Counts)[]) counts[key] += more[key] ?? 0;
}
