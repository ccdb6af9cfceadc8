import { describe, expect, it } from 'vitest';
import { describeProgress } from './progress-markdown.js';
import { RunProgress } from './run-progress.js';
import type { BatchReport, PlanOverview, RunTotals, Wave } from './types.js';

const PLAN: PlanOverview = {
  ...{
    base: '/base',
    plan: 'p',
    dataset: 'pbmc',
    chunkCount: 1000,
    cells: 10_000,
    maxOpenChunks: 64,
    fitChunkCount: 800,
  },
  methods: [
    { method: 'gs', queue: 'cpu', fitted: false },
    { method: 'pca', queue: 'cpu', fitted: true },
  ],
};

const batch = (wave: Wave, method: string, from: number, done: number, failed = 0): BatchReport => ({
  ...{
    wave,
    batch: `b${from / 500}`,
    sequence: done + failed,
    healed: [],
    reruns: { total: 0, done: 0 },
    restartsHeard: 0,
  },
  ...{ chunksClosed: done + failed, chunksFailed: failed, chunksRunning: 5 },
  methods: { [method]: { done, failed, cancelled: 0, cells: 10 * done, computedCells: 10 * done } },
  failures: Array.from({ length: failed }, (_, index) => ({
    chunk: `train/chunk_${index}`,
    method,
    type: 'InvalidInput',
    message: 'bad',
  })),
});

function planned(): RunProgress {
  const progress = new RunProgress();
  progress.planned(PLAN, 0);
  progress.fitting = new Set(['pca']);
  return progress;
}

describe('RunProgress', () => {
  it('answers before there is a plan', () => {
    expect(new RunProgress().answer(1_000)).toMatchObject({
      stage: 'planning',
      dataset: '',
      cells: { total: 0, done: 0 },
      etaSeconds: null,
    });
  });

  it('adds up batches, each by its latest report', () => {
    const progress = planned();
    progress.addBatch(batch('unfitted', 'gs', 0, 10));
    progress.addBatch(batch('unfitted', 'gs', 0, 100));
    progress.addBatch(batch('unfitted', 'gs', 0, 50)); // Late: signals of one batch keep their order, its result does not.
    progress.addBatch(batch('unfitted', 'gs', 500, 100));
    const answer = progress.answer(10_000);
    expect(answer.methods.gs).toEqual({
      state: 'running',
      chunksDone: 200,
      chunksFailed: 0,
      cellsDone: 2_000,
      cellsPerSecond: 200,
    });
    expect(answer.methods.pca?.state).toBe('fitting');
    // gs is one of two methods, so 2,000 of its cells are 1,000 of the data set's.
    expect(answer).toMatchObject({
      cells: { total: 10_000, done: 1_000 },
      cellsPerSecond: 100,
      etaSeconds: 90,
      chunks: { completed: 0, running: 10 },
    });
  });

  it('counts a chunk as completed when the slower wave is through with it', () => {
    const progress = planned();
    progress.addBatch(batch('unfitted', 'gs', 0, 300, 2));
    progress.fitting = new Set();
    progress.addBatch(batch('fitted', 'pca', 0, 100));
    expect(progress.answer(1_000).chunks).toEqual({ total: 1000, completed: 98, failed: 2, running: 5 });
  });

  it('names a failed fit as failure of all chunks', () => {
    const progress = planned();
    progress.fitFailures = { pca: { type: 'InvalidInput', message: 'chunk_3 is truncated' } };
    const answer = progress.answer(1_000);
    expect(answer.methods.pca?.state).toBe('failed');
    expect(answer.failures).toEqual([
      { chunk: 'all', method: 'pca', type: 'InvalidInput', message: 'chunk_3 is truncated' },
    ]);
  });

  it('takes back what reruns change: failures that healed, and counts', () => {
    const progress = planned();
    progress.addBatch(batch('unfitted', 'gs', 0, 499, 1));
    expect(progress.answer(1_000).failures).toHaveLength(1);
    const healed = { done: 1, failed: -1, cancelled: 0, cells: 10, computedCells: 10 };
    progress.waitingReruns = 3;
    progress.addBatch({
      ...batch('unfitted', 'gs', 0, 0),
      ...{ batch: 'b0/rerun-1', sequence: 1, chunksFailed: -1, chunksRunning: 0 },
      ...{ methods: { gs: healed }, healed: ['train/chunk_0 gs'], reruns: { total: 2, done: 1 } },
    });
    const answer = progress.answer(1_000);
    expect(answer.methods.gs).toMatchObject({ chunksDone: 500, chunksFailed: 0, cellsDone: 5_000 });
    expect(answer).toMatchObject({ failures: [], reruns: { total: 5, done: 1 } });
  });

  it('goes on in a new workflow run with what was counted, whatever the number of batches', () => {
    const progress = planned();
    for (let batches = 0; batches < 2; batches++) progress.addBatch(batch('unfitted', 'gs', batches * 500, 100, 3));
    progress.paused = true;
    const carried = progress.carry();
    expect(carried.batches).toHaveLength(1);
    const next = new RunProgress();
    next.resume(PLAN, JSON.parse(JSON.stringify(carried)));
    next.fitting = new Set(['pca']);
    const { chunks, ...answer } = progress.answer(10_000);
    expect(next.answer(10_000)).toEqual({ ...answer, chunks: { ...chunks, running: 0 } });
    expect(next.paused).toBe(true);
    next.addBatch(batch('unfitted', 'gs', 1000, 5));
    expect(next.answer(10_000).methods.gs?.chunksDone).toBe(205);
  });

  it('takes the exact numbers of finalize at the end', () => {
    const progress = planned();
    progress.addBatch(batch('unfitted', 'gs', 0, 500));
    const totals = {
      status: 'partial',
      chunks: { total: 1000, completed: 900, skipped: 60, failed: 40, cancelled: 0 },
      failures: [],
      seconds: 100,
    };
    progress.ended(totals as unknown as RunTotals);
    expect(progress.answer(1e6)).toMatchObject({
      stage: 'partial',
      chunks: { total: 1000, completed: 960, failed: 40, running: 0 },
      etaSeconds: null,
    });
  });
});

describe('describeProgress', () => {
  it('is a table with what is missing above and failures below', () => {
    const progress = planned();
    progress.waitingFor = ['obsmith worker gpu'];
    progress.addBatch(batch('unfitted', 'gs', 0, 1, 1));
    const text = describeProgress(progress.answer(1_000), null);
    expect(text).toContain('**waiting for: obsmith worker gpu**');
    expect(text).toContain('| gs | running | 1 | 1 | 10 | 10 |');
    expect(text).toContain('- `train/chunk_0` gs: InvalidInput: bad');
  });
});
