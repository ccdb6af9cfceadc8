import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { progressQuery } from '../../workflows/messages.js';
import type { RunTotals } from '../../workflows/types.js';
import { gate } from './gates.js';
import { invalidInput, MockRun, untilCancelled } from './mock-run.js';
import { FITTED, ROUNDS } from './planned-methods.js';
import { pause, playRun, until } from './play-run.js';
import { startTestServer, type TestServer } from './server.js';

const UNFITTED = [
  { method: 'gs', queue: 'cpu', fitted: false },
  { method: 'scvi', queue: 'gpu', fitted: false },
] as const;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const play = (run: MockRun, during?: (handle: WorkflowHandle) => Promise<void>) => playRun(server, run, during);

async function causeOf(result: Promise<unknown>): Promise<ApplicationFailure> {
  const error = await result.then(
    () => expect.unreachable('the run should fail'),
    (error: Error) => error,
  );
  return error.cause as ApplicationFailure;
}

const totalsOf = ({ details }: ApplicationFailure): RunTotals => details![0] as RunTotals;

describe('embedDataset', () => {
  it('embeds and publishes every method of every chunk, and ends the lease after finalize', async () => {
    const run = new MockRun({ chunks: 3, methods: UNFITTED });
    const { handle, result } = await play(run);
    const totals = await result;
    expect(totals).toMatchObject({
      status: 'completed',
      base: '/base',
      plan: 'plan',
      methods: { gs: { computed: 3 }, scvi: { computed: 3 } },
    });
    expect(totals.seconds).toBeGreaterThan(0);
    expect(run.count('embed')).toBe(6);
    expect(run.count('publish gs')).toBe(3);
    expect(run.count('stage')).toBe(3);
    expect(run.calls).toContain('publish scvi 2 embed-scvi-1');
    expect(run.calls).toContain('finalize cancelled=false lease=true');
    expect(run.leaseHeld).toBe(false);
    const { searchAttributes } = await handle.describe();
    expect(searchAttributes).toMatchObject({
      ObsmithDataset: ['pbmc'],
      ObsmithMethods: ['gs', 'scvi'],
      ObsmithStage: ['completed'],
    });
  });

  it('sets no search attributes where the server does not know them', async () => {
    const { handle, result } = await play(new MockRun({ chunks: 1, methods: UNFITTED, searchAttributes: false }));
    await result;
    expect((await handle.describe()).searchAttributes).not.toHaveProperty('ObsmithDataset');
  });

  it('gives children ids that are paths, and activities ids that name the method', async () => {
    const run = new MockRun({ chunks: 1, methods: UNFITTED });
    const { handle, result } = await play(run);
    await result;
    const child = server.client.workflow.getHandle(`${handle.workflowId}/unfitted/b000/c00000`);
    const { events } = await child.fetchHistory();
    const ids = events?.flatMap((event) => event.activityTaskScheduledEventAttributes?.activityId ?? []);
    expect(ids).toEqual(expect.arrayContaining(['embed-gs', 'embed-scvi', 'publish-gs', 'publish-scvi']));
  });

  it('halves batches that do not fit, each size as an activity of its own, and publishes what the last one staged', async () => {
    const sizes = [8, 4];
    const run = new MockRun({ chunks: 1, methods: UNFITTED }, (call) => {
      const batchSize = call === 'embed scvi 0' ? sizes.shift() : undefined;
      if (batchSize === undefined) return;
      const details = [{ message: 'CUDA out of memory', batchSize }];
      throw ApplicationFailure.create({ type: 'CudaOutOfMemory', message: 'full', nonRetryable: true, details });
    });
    const { handle, result } = await play(run);
    expect(await result).toMatchObject({ methods: { scvi: { computed: 1 } } });
    expect(run.calls).toContain('publish scvi 0 embed-scvi-batch-2-1');
    const child = server.client.workflow.getHandle(`${handle.workflowId}/unfitted/b000/c00000`);
    const { events } = await child.fetchHistory();
    const ids = events?.flatMap((event) => event.activityTaskScheduledEventAttributes?.activityId ?? []);
    expect(ids?.filter((id) => id.startsWith('embed-scvi'))).toEqual([
      'embed-scvi',
      'embed-scvi-batch-4',
      'embed-scvi-batch-2',
    ]);
  });

  it('fits in rounds and starts unfitted methods without waiting for them', async () => {
    let released = (): void => {};
    const unfittedDone = new Promise<void>((resolve) => {
      released = resolve;
    });
    const run = new MockRun(
      { chunks: 3, methods: [...UNFITTED, ...FITTED], fitChunks: 3, rounds: ROUNDS },
      async (call) => {
        if (call === 'resolveFits') await unfittedDone;
        if (call === 'close 2 unfitted') released();
      },
    );
    const { result } = await play(run);
    expect((await result).status).toBe('completed');
    const at = (call: string): number => run.calls.indexOf(call);
    expect(run.count('scan')).toBe(3);
    expect(run.count('accumulate gene-statistics')).toBe(3);
    expect(run.count('accumulate gram pca')).toBe(3);
    expect(at('solve gene-statistics hvg')).toBeGreaterThan(at('accumulate gene-statistics hvg 2'));
    expect(at('accumulate gram pca 0')).toBeGreaterThan(at('solve gene-statistics pca'));
    expect(at('open 0 hvg,pca')).toBeGreaterThan(at('solve gram pca'));
  });

  it('sums no chunk again that scans have summed', async () => {
    const rounds = ROUNDS.map((round) => ({ ...round, accumulated: round.round === 'gene-statistics' }));
    const run = new MockRun({ chunks: 3, methods: FITTED, fitChunks: 3, rounds });
    expect((await (await play(run)).result).status).toBe('completed');
    expect(run.count('accumulate gene-statistics')).toBe(0);
    expect(run.count('accumulate gram')).toBe(3);
  });

  it('merges more partials than the fan-in in levels', async () => {
    const rounds = [{ round: 'gene-statistics' as const, methods: ['hvg'], chunks: 70, accumulated: false }];
    const run = new MockRun({ chunks: 1, methods: [FITTED[0]], fitChunks: 70, rounds });
    await (await play(run)).result;
    expect(run.calls.filter((call) => call.startsWith('merge')).sort()).toEqual([
      'merge gene-statistics 1 0',
      'merge gene-statistics 1 1',
      'merge gene-statistics 1 2',
    ]);
  });

  it('fails only the methods whose fit failed, and names the reason', async () => {
    const run = new MockRun({ chunks: 2, methods: [...UNFITTED, ...FITTED], fitChunks: 3, rounds: ROUNDS }, (call) => {
      if (call === 'accumulate gram pca 1') throw invalidInput('train/chunk_1 is truncated');
    });
    const { result } = await play(run);
    const failure = await causeOf(result);
    expect(failure.type).toBe('RunFailed');
    expect(totalsOf(failure).methods).toMatchObject({
      hvg: { computed: 2 },
      gs: { computed: 2 },
      pca: { computed: 0 },
    });
    expect(run.calls).toContain('open 0 hvg');
  });

  it('names the first chunk that could not be scanned when the fits cannot be resolved', async () => {
    let failures = '';
    const run = new MockRun({ chunks: 2, methods: FITTED, fitChunks: 2, rounds: ROUNDS }, (call) => {
      if (call === 'scan 1') throw invalidInput('train/chunk_1: NaN at row 3, column 7');
      if (call === 'resolveFits') throw invalidInput('1 chunk cannot be read.');
    });
    const finalizeRun = run.light.finalizeRun;
    run.light.finalizeRun = (input) => {
      failures = JSON.stringify(input.fitFailures);
      return finalizeRun(input);
    };
    await causeOf((await play(run)).result);
    expect(failures).toContain('1 chunk cannot be read. First of them: train/chunk_1: NaN at row 3, column 7');
    expect(run.count('open')).toBe(0);
  });

  it('keeps a failing method of one chunk from its siblings', async () => {
    const run = new MockRun({ chunks: 3, methods: UNFITTED }, (call) => {
      if (call === 'embed gs 1') throw invalidInput('no overlap');
    });
    const { result } = await play(run);
    const failure = await causeOf(result);
    expect(failure.message).toContain(
      '1 of 3 chunks failed. First failure: train/chunk_1 gs: InvalidInput: no overlap',
    );
    expect(totalsOf(failure).methods).toMatchObject({
      gs: { computed: 2, failed: 1 },
      scvi: { computed: 3 },
    });
    expect(run.journal.get('1 unfitted')).toMatchObject({
      gs: { state: 'failed', type: 'InvalidInput' },
      scvi: { state: 'computed' },
    });
    expect(run.count('embed gs 1')).toBe(1);
  });

  it('repeats what may heal, and publishes the attempt that succeeded', async () => {
    let attempts = 0;
    const run = new MockRun({ chunks: 1, methods: [UNFITTED[0]] }, (call) => {
      if (call === 'embed gs 0' && ++attempts < 3)
        throw ApplicationFailure.create({ type: 'StoreUnavailable', message: 'EIO' });
    });
    expect((await (await play(run)).result).status).toBe('completed');
    expect(run.calls).toContain('publish gs 0 embed-gs-3');
  });

  it('fails all methods of a chunk whose input cannot be copied', async () => {
    const run = new MockRun({ chunks: 2, methods: UNFITTED }, (call) => {
      if (call === 'stage 0') throw invalidInput('disk');
    });
    await causeOf((await play(run)).result);
    expect(run.journal.get('0 unfitted')).toMatchObject({
      gs: { state: 'failed', message: 'disk' },
      scvi: { state: 'failed', message: 'disk' },
    });
    expect(run.journal.get('1 unfitted')).toMatchObject({ gs: { state: 'computed' } });
    expect(run.count('publish gs 0')).toBe(0);
  });

  it('publishes the arrays of a chunk one at a time', async () => {
    const methods = ['a', 'b', 'c', 'd'].map((method) => ({ method, queue: 'cpu' as const, fitted: false }));
    const run = new MockRun({ chunks: 2, methods }, (call) => (call.startsWith('publish') ? pause(30) : undefined));
    await (await play(run)).result;
    expect(run.publishingMost).toBe(1);
    expect(run.count('publish')).toBe(8);
  });

  it('never opens more chunks than the window, over all batches', async () => {
    const run = new MockRun({ chunks: 12, maxOpenChunks: 3, methods: [UNFITTED[0]] }, (call) =>
      call.startsWith('embed') ? pause(20) : undefined,
    );
    await (await play(run)).result;
    expect(run.openMost).toBe(3);
  });

  it('refuses with the type of the error when the plan is refused, and starts nothing', async () => {
    const run = new MockRun({ chunks: 1, methods: UNFITTED }, (call) => {
      if (call === 'plan')
        throw ApplicationFailure.create({
          type: 'InvalidConfig',
          message: 'no methods',
          nonRetryable: true,
          details: [{ remedy: 'name one' }],
        });
    });
    const failure = await causeOf((await play(run)).result);
    expect(failure).toMatchObject({ type: 'InvalidConfig', message: 'no methods', details: [{ remedy: 'name one' }] });
    expect(run.calls).toEqual(['plan']);
  });

  it('refuses while another run holds the data set', async () => {
    const run = new MockRun({ chunks: 1, methods: UNFITTED }, (call) => {
      if (call === 'acquireLease')
        throw ApplicationFailure.create({ type: 'LeaseHeld', message: 'held by embed-x', nonRetryable: true });
    });
    expect(await causeOf((await play(run)).result)).toMatchObject({ type: 'LeaseHeld' });
    expect(run.count('open')).toBe(0);
  });

  it('stops writing when the lease is lost: neither finalize nor new chunks', async () => {
    const run = new MockRun({ chunks: 2, methods: [UNFITTED[0]] }, async (call) => {
      if (call === 'holdLease')
        throw await pause(300).then(() =>
          ApplicationFailure.create({ type: 'LeaseHeld', message: 'taken', nonRetryable: true }),
        );
      if (call.startsWith('embed')) await untilCancelled();
    });
    expect(await causeOf((await play(run)).result)).toMatchObject({ type: 'LeaseHeld', message: 'taken' });
    expect(run.count('finalize')).toBe(0);
    expect(run.journal.get('0 unfitted')).toMatchObject({ gs: { state: 'cancelled' } });
  });

  it('records a cancelled run before it ends cancelled', async () => {
    const run = new MockRun({ chunks: 4, maxOpenChunks: 2, methods: UNFITTED }, (call) =>
      call.startsWith('embed scvi') ? untilCancelled() : undefined,
    );
    const { handle, result } = await play(run, async (started) => {
      await until(() => run.count('embed scvi') === 2);
      await started.cancel();
    });
    expect(await causeOf(result)).toBeInstanceOf(CancelledFailure);
    const { status, memo } = await handle.describe();
    expect(status.name).toBe('CANCELLED');
    expect(memo?.totals).toMatchObject({ status: 'cancelled' });
    expect(run.calls).toContain('finalize cancelled=true lease=true');
    expect(run.leaseHeld).toBe(false);
    expect(run.count('open')).toBe(2);
    expect(run.journal.get('0 unfitted')).toMatchObject({ scvi: { state: 'cancelled' } });
  });

  it('takes a chunk whose workflow was terminated as failed, and goes on', async () => {
    const run = new MockRun({ chunks: 2, methods: [UNFITTED[0]] }, (call) =>
      call === 'embed gs 0' ? untilCancelled() : undefined,
    );
    const { result } = await play(run, async (handle) => {
      await until(() => run.count('embed gs 0') === 1);
      await server.client.workflow.getHandle(`${handle.workflowId}/unfitted/b000/c00000`).terminate('test');
    });
    await result.catch(() => {});
    expect(run.journal.get('1 unfitted')).toMatchObject({ gs: { state: 'computed' } });
    expect(run.count('finalize')).toBe(1);
  });

  it('answers `progress` while it runs and when it is done', async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const run = new MockRun({ chunks: 2, methods: UNFITTED }, (call) =>
      call.startsWith('embed scvi') ? held : undefined,
    );
    const { handle } = await play(run, async (started) => {
      await until(async () => (await started.query(progressQuery)).methods.gs?.chunksDone === 2);
      expect(await started.query(progressQuery)).toMatchObject({
        dataset: 'pbmc',
        stage: 'embedding',
        cells: { total: 20, done: 10 },
        chunks: { total: 2, completed: 0, running: 2 },
        methods: { gs: { state: 'completed', cellsDone: 20 }, scvi: { state: 'running', chunksDone: 0 } },
      });
      release();
      await started.result();
      expect(await started.query(progressQuery)).toMatchObject({
        stage: 'completed',
        chunks: { total: 2, completed: 2, running: 0 },
        cells: { total: 20, done: 20 },
        etaSeconds: null,
      });
    });
    expect((await handle.describe()).status.name).toBe('COMPLETED');
  });

  it('opens nothing while it is paused', async () => {
    const told = gate();
    const run = new MockRun({ chunks: 6, maxOpenChunks: 1, methods: [UNFITTED[0]] }, (call) =>
      call.startsWith('embed') ? told.opened.then(() => pause(50)) : undefined,
    );
    const { result } = await play(run, async (handle) => {
      await until(() => run.count('embed') >= 1);
      await handle.signal('pause');
      told.open();
      await until(async () => run.openNow === 0);
      const opened = run.count('open');
      expect(opened).toBeLessThan(6);
      await pause(400);
      expect(run.count('open')).toBe(opened);
      expect(await handle.query(progressQuery)).toMatchObject({ paused: true });
      await handle.signal('resume');
    });
    expect((await result).status).toBe('completed');
    expect(run.count('embed')).toBe(6);
  });
});
