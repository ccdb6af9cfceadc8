import type { ChunkOutcome, MethodCounts } from './types.js';

export type Counts = { -readonly [K in keyof MethodCounts]: MethodCounts[K] };

export const noCounts = (): Counts => ({ done: 0, failed: 0, cancelled: 0, cells: 0, computedCells: 0 });

/** Counts one method of one chunk. */
export function countOutcome(counts: Counts, { state, cells }: Pick<ChunkOutcome[string], 'state' | 'cells'>): void {
  if (state === 'failed' || state === 'cancelled') {
    counts[state]++;
    return;
  }
  counts.done++;
  counts.cells += cells;
  if (state === 'computed') counts.computedCells += cells;
}

export function addCounts(counts: Counts, more: MethodCounts): void {
  for (const key of Object.keys(counts) as (keyof Counts)[]) counts[key] += more[key];
}
