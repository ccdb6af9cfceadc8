import { afterEach, beforeEach, expect, it } from 'vitest';
import { runInline } from '../core/tasks/run-inline.js';
import { embedAndKill } from './embed-and-kill.js';
import { type SmallDataset, smallDataset } from './small-dataset.js';

const CELLS = 24;
const BLOCK_ROWS = 4;

let dataset: SmallDataset;
beforeEach(async () => {
  dataset = await smallDataset(
    { 'train/chunk_0.zarr': 'pbmc-24/chunk_0.zarr' },
    `embedding_cpu: { methods: [gs10k], chunk_rows: ${BLOCK_ROWS} }\n`,
  );
});
afterEach(() => dataset.remove());

it('goes on after the last complete row block of an attempt that was killed, and computes no row twice before it', async () => {
  const { base, plan } = await runInline(
    'planRun',
    { request: { config: dataset.config }, folder: dataset.base },
    { progress() {}, checkCancelled() {} },
  );
  await embedAndKill(base, plan, 'gs10k', 3 * BLOCK_ROWS);
  const rowsDone: number[] = [];
  const context = { progress: (done: number) => void rowsDone.push(done), checkCancelled() {} };
  const retry = { base, plan, chunk: 0, method: 'gs10k', attempt: 'second' };
  const { blocksComputed, blocksResumed } = await runInline('embedChunk', retry, context);
  // The third block may have been on its way to the disk.
  expect(blocksResumed).toBeGreaterThanOrEqual(2);
  expect(blocksResumed).toBeLessThan(CELLS / BLOCK_ROWS);
  expect(blocksComputed).toBe(CELLS / BLOCK_ROWS - blocksResumed);
  expect(rowsDone[0]).toBe(blocksResumed * BLOCK_ROWS);
  expect(rowsDone.at(-1)).toBe(CELLS);
}, 60_000);
