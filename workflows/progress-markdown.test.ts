import { expect, it } from 'vitest';
import { describeProgress } from './progress-markdown.js';
import type { Progress } from './types.js';

const PROGRESS: Progress = {
  dataset: 'toy',
  stage: 'embedding',
  paused: false,
  chunks: { total: 4, completed: 1, failed: 1, running: 2 },
  cells: { total: 8000, done: 2000 },
  cellsPerSecond: 1.6,
  etaSeconds: 3750,
  methods: { pca: { state: 'running', chunksDone: 1, chunksFailed: 1, cellsDone: 2000, cellsPerSecond: 1.6 } },
  failures: [{ chunk: 'train/chunk_1', method: 'pca', type: 'InvalidInput', message: 'no\ngenes' }],
  waitingFor: ['obsmith worker gpu'],
  reruns: { total: 0, done: 0 },
  logs: '/base/.obsmith/runs/embed-toy/r1',
};

it('shows how far a run is, how fast, until when, what it waits for, what failed, and where the logs are', () => {
  expect(describeProgress(PROGRESS, null).split('\n')).toEqual([
    '**embedding**: 2 of 4 chunks, 2000 of 8000 cells, 2 cells/s, ETA 1 h 2 min',
    '',
    '**waiting for: obsmith worker gpu**',
    '',
    '| method | state | chunks | failed | cells | cells/s |',
    '|---|---|---|---|---|---|',
    '| pca | running | 1 | 1 | 2000 | 2 |',
    '',
    'Logs: `/base/.obsmith/runs/embed-toy/r1`',
    '',
    'First failures:',
    '- `train/chunk_1` pca: InvalidInput: no genes',
  ]);
});

it.each([
  [12, 'ETA 12 s'],
  [75, 'ETA 1 min 15 s'],
  [null, 'cells/s'],
])('says %s seconds as "%s"', (etaSeconds, text) => {
  const [first] = describeProgress({ ...PROGRESS, etaSeconds }, null).split('\n');
  expect(first?.endsWith(text)).toBe(true);
});
