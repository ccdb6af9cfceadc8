import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type MethodOutcome, readOutcome, recordOutcome } from './journal.js';

const computed: MethodOutcome = { state: 'computed', cells: 10, seconds: 1 };
const failed: MethodOutcome = { state: 'failed', cells: 0, seconds: 0, type: 'InvalidInput', message: 'bad' };
const cancelled: MethodOutcome = { state: 'cancelled', cells: 0, seconds: 0 };

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-journal-'));
});
afterEach(() => rm(base, { recursive: true }));

const record = (outcome: Record<string, MethodOutcome>) =>
  recordOutcome(base, 'plan', 'train/chunk_0', 'fitted', outcome);

describe('the journal of a chunk', () => {
  it('keeps what is known of other methods, and tells what it said before', async () => {
    expect(await record({ hvg: computed, pca: failed })).toEqual({
      before: null,
      after: { hvg: computed, pca: failed },
    });
    expect(await record({ pca: computed })).toEqual({
      before: { hvg: computed, pca: failed },
      after: { hvg: computed, pca: computed },
    });
    expect(await readOutcome(base, 'plan', 'train/chunk_0', 'fitted')).toEqual({ hvg: computed, pca: computed });
    expect(await readOutcome(base, 'plan', 'train/chunk_0', 'unfitted')).toBeNull();
  });

  it('keeps an array that is there when its rerun is cancelled, but not when the rerun fails', async () => {
    await record({ hvg: computed, pca: failed });
    expect((await record({ hvg: cancelled, pca: cancelled })).after).toEqual({ hvg: computed, pca: cancelled });
    expect((await record({ hvg: failed })).after.hvg).toEqual(failed);
  });
});
