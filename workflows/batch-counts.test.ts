import { describe, expect, it } from 'vitest';
import { BatchCounts } from './batch-counts.js';
import type { ChunkOutcome, EmbedBatchInput } from './types.js';

const INPUT: EmbedBatchInput = {
  ...{ location: { base: '/base', plan: 'p' }, wave: 'unfitted', from: 0, to: 4, window: 4, paused: false, root: 'r' },
  ...{ reports: 50, reportMethods: false, orders: [], rerun: null },
  methods: [
    { method: 'gs', queue: 'cpu' },
    { method: 'gs10k', queue: 'cpu' },
  ],
};

const computed = { state: 'computed', cells: 10, seconds: 1 } as const;
const failed = { state: 'failed', cells: 0, seconds: 0, type: 'InvalidInput', message: 'bad' } as const;
const chunk = (index: number, outcome: ChunkOutcome, before: ChunkOutcome | null = null) => ({
  ...{ wave: 'unfitted' as const, chunk: index, name: `train/chunk_${index}`, outcome, before },
});

describe('BatchCounts', () => {
  it('counts what a rerun of a failed array heals, and leaves the others of the chunk as they are', () => {
    const counts = new BatchCounts(INPUT, 'b000');
    counts.add(chunk(0, { gs: failed, gs10k: computed }), false);
    expect(counts.report(3)).toMatchObject({ chunksClosed: 1, chunksFailed: 1, failures: [{ method: 'gs' }] });
    counts.addRerun();
    counts.add(chunk(0, { gs: computed, gs10k: computed }, { gs: failed, gs10k: computed }), true);
    expect(counts.report(0)).toMatchObject({
      ...{ batch: 'b000', sequence: 2, chunksClosed: 1, chunksFailed: 0, failures: [], healed: [] },
      methods: { gs: { done: 1, failed: 0, cells: 10 }, gs10k: { done: 1, cells: 10 } },
      reruns: { total: 1, done: 1 },
    });
  });

  it('tells the difference where another batch counted the chunk before', () => {
    const counts = new BatchCounts({ ...INPUT, rerun: { methods: ['gs'], chunks: [0] } }, 'b000/rerun-1');
    counts.addRerun();
    counts.add(chunk(0, { gs: computed, gs10k: computed }, { gs: failed, gs10k: computed }), true);
    expect(counts.report(0)).toMatchObject({
      ...{ chunksClosed: 0, chunksFailed: -1, healed: ['train/chunk_0 gs'] },
      methods: { gs: { done: 1, failed: -1 }, gs10k: { done: 0 } },
    });
  });

  it('reports at most as often as it may, whatever the number of reruns', () => {
    const counts = new BatchCounts({ ...INPUT, to: 100, reports: 10 }, 'b000');
    for (let rerun = 0; rerun < 100; rerun++) counts.addRerun();
    let reports = 0;
    for (let end = 0; end < 200; end++) {
      counts.add(chunk(end % 100, { gs: computed }, end < 100 ? null : { gs: computed }), end >= 100);
      if (counts.reportIsDue()) reports++;
    }
    expect(reports).toBe(9); // The result of the batch is the tenth.
  });
});
