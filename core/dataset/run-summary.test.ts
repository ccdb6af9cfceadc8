import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LoadedPlan } from '../plan/load-plan.js';
import type { FailureRecord, RunOutcome } from './finalize.js';
import { writeRunSummary } from './run-summary.js';

let base: string;
let loaded: LoadedPlan;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-summary-'));
  const methods = [
    { method: 'hvg', queue: 'cpu' },
    { method: 'gs', queue: 'cpu' },
    { method: 'geneformer', queue: 'gpu' },
  ];
  const run = { workflowId: 'embed-toy', runId: 'r1', logs: 'logs' };
  loaded = { base, plan: { id: 'p1', dataset: 'toy', methods, run } } as unknown as LoadedPlan;
});
afterEach(() => rm(base, { recursive: true }));

const totals = (computed: number, failed: number) => ({
  computed,
  skipped: 0,
  failed,
  cancelled: 0,
  seconds: 2,
  cells: 10,
});
const outcome = (failures: FailureRecord[]): RunOutcome => ({
  status: failures.length > 0 ? 'partial' : 'completed',
  chunks: { total: 3, completed: 1, failed: 2, skipped: 0, cancelled: 0 },
  methods: { hvg: totals(2, 1), gs: totals(1, 2), geneformer: totals(3, 0) },
  failures,
  failuresUri: null,
});
const failure = (chunk: string, method: string): FailureRecord => ({
  chunk,
  method,
  type: 'InvalidInput',
  message: `${method} of ${chunk}`,
});
const errors = async () =>
  (await readFile(join(base, 'logs/errors_consolidated.log'), 'utf8'))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

it('adds methods up by section, and names the run', async () => {
  await writeRunSummary(loaded, outcome([failure('a', 'gs')]));
  const summary = JSON.parse(await readFile(join(base, 'logs/summary.json'), 'utf8'));
  expect(summary).toMatchObject({
    ...{ workflowId: 'embed-toy', runId: 'r1', dataset: 'toy', plan: 'p1', status: 'partial', failed: 1 },
    sections: {
      embedding_cpu: { methods: ['hvg', 'gs'], computed: 3, failed: 3, seconds: 4, cells: 20 },
      embedding_gpu: { methods: ['geneformer'], computed: 3, failed: 0 },
    },
    firstFailures: [failure('a', 'gs')],
  });
});

it('keeps the first error of each failed chunk: as it was appended, else of the list', async () => {
  await mkdir(join(base, 'logs'));
  const appended = [
    { time: 't1', ...failure('b', 'gs') },
    { time: 't2', ...failure('b', 'hvg') }, // The other wave of this chunk.
    { time: 't3', ...failure('healed', 'gs') }, // Of a chunk that was computed after all.
  ];
  const lines = [...appended.map((line) => JSON.stringify(line)), '{"time":"torn'];
  await writeFile(join(base, 'logs/errors_consolidated.log'), lines.join('\n'));
  await writeRunSummary(
    loaded,
    outcome([failure('a', 'hvg'), failure('a', 'gs'), failure('b', 'hvg'), failure('b', 'gs')]),
  );
  expect(await errors()).toEqual([
    { time: 't1', ...failure('b', 'gs') },
    { time: expect.stringMatching(/^\d{4}-/), ...failure('a', 'hvg') },
  ]);
});

it('reads all failures where the result holds only the first', async () => {
  await writeFile(join(base, 'all.json'), JSON.stringify([failure('a', 'gs'), failure('b', 'gs')]));
  await writeRunSummary(loaded, { ...outcome([failure('a', 'gs')]), failuresUri: 'all.json' });
  expect((await errors()).map(({ chunk }) => chunk)).toEqual(['a', 'b']);
});
