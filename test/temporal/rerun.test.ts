import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cancelMethodsUpdate,
  pauseUpdate,
  progressQuery,
  rerunMethodsSignal,
  rerunMethodsUpdate,
  resumeUpdate,
} from '../../workflows/messages.js';
import { gate, refusalOf } from './gates.js';
import { invalidInput, MockRun, untilCancelled } from './mock-run.js';
import { FITTED, ROUNDS, UNFITTED } from './planned-methods.js';
import { pause, playRun, until } from './play-run.js';
import { startTestServer, type TestServer } from './server.js';

const FITTED_PLAN = { chunks: 3, methods: FITTED, fitChunks: 3, rounds: ROUNDS };

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

describe('rerunMethods in a run', () => {
  it('computes exactly the named arrays again, also of chunks that are through', async () => {
    const held = gate();
    const run = new MockRun({ chunks: 3, methods: UNFITTED }, (call) =>
      call === 'embed scvi_fm 2' ? held.opened : undefined,
    );
    const { result } = await playRun(server, run, async (handle) => {
      await until(async () => (await handle.query(progressQuery)).chunks.completed === 2);
      const message = { methods: ['gs'], chunks: ['train/chunk_0'] };
      expect(await handle.executeUpdate(rerunMethodsUpdate, { args: [message] })).toEqual({
        message: 'Computes again on 1 of 3 chunks: gs.',
        ...{ paused: false, methods: ['gs'], chunks: ['train/chunk_0'] },
      });
      await until(async () => (await handle.query(progressQuery)).reruns.done === 1);
      expect(await handle.query(progressQuery)).toMatchObject({
        reruns: { total: 1, done: 1 },
        methods: { gs: { chunksDone: 3, cellsDone: 30 } },
      });
      held.open();
    });
    expect(await result).toMatchObject({ status: 'completed', methods: { gs: { computed: 3 } } });
    expect(run.calls).toContain('open 0 gs again gs');
    expect(run.count('embed gs')).toBe(4);
    expect(run.count('publish gs 0')).toBe(2);
    expect(run.count('embed scvi_fm')).toBe(3);
  });

  it('waits for a chunk that is at work, and asks one that has not begun only once', async () => {
    const held = gate();
    const run = new MockRun({ chunks: 2, maxOpenChunks: 1, methods: [UNFITTED[0]] }, (call) =>
      call === 'embed gs 0' ? held.opened : undefined,
    );
    const { result } = await playRun(server, run, async (handle) => {
      await until(() => run.count('embed gs 0') === 1);
      await handle.executeUpdate(rerunMethodsUpdate, { args: [{ methods: ['gs'] }] });
      await pause(300);
      expect(run.count('open 0')).toBe(1);
      held.open();
    });
    expect(await result).toMatchObject({ status: 'completed', methods: { gs: { computed: 2 } } });
    expect(run.calls.filter((call) => call.startsWith('open'))).toEqual([
      'open 0 gs',
      'open 0 gs again gs',
      'open 1 gs again gs',
    ]);
  });

  it('heals what failed, and the run is completed', async () => {
    const held = gate();
    let broken = true;
    const run = new MockRun({ chunks: 2, methods: UNFITTED }, (call) => {
      if (call === 'embed gs 1' && broken) throw invalidInput('no overlap');
      return call === 'embed scvi_fm 0' ? held.opened : undefined;
    });
    const { result } = await playRun(server, run, async (handle) => {
      await until(async () => (await handle.query(progressQuery)).chunks.failed === 1);
      broken = false;
      await handle.signal(rerunMethodsSignal, { methods: ['gs'] });
      await until(() => run.journal.get('1 unfitted')?.gs?.state === 'computed');
      held.open();
    });
    expect(await result).toMatchObject({ status: 'completed', methods: { gs: { computed: 2, failed: 0 } } });
  });

  it('takes up a method that was cancelled, and makes the fit that it has not', async () => {
    const held = gate();
    const run = new MockRun(FITTED_PLAN, (call) => {
      if (call === 'accumulate gram pca 0' && run.count(call) === 1) return untilCancelled();
      return call === 'embed hvg 2' ? held.opened : undefined;
    });
    const { result } = await playRun(server, run, async (handle) => {
      await until(() => run.count('accumulate gram pca 0') === 1);
      await handle.executeUpdate(cancelMethodsUpdate, { args: [{ methods: ['pca'] }] });
      await until(() => run.count('embed hvg 2') === 1);
      const message = { methods: ['pca', 'hvg'], chunks: ['train/chunk_1'] };
      const answer = await handle.executeUpdate(rerunMethodsUpdate, { args: [message] });
      expect(answer.message).toBe('Computes again on 1 of 3 chunks: pca, hvg. The fit of pca comes first.');
      await until(() => run.count('solve gram pca') === 1);
      held.open();
    });
    expect(await result).toMatchObject({
      status: 'partial',
      methods: { hvg: { computed: 3 }, pca: { computed: 1, cancelled: 2 } },
    });
    expect(run.calls.filter((call) => call.startsWith('embed')).sort()).toEqual([
      ...['embed hvg 0', 'embed hvg 1', 'embed hvg 1', 'embed hvg 2', 'embed pca 1'],
    ]);
  });

  it('fits again where the fit failed', async () => {
    const held = gate();
    let broken = true;
    const run = new MockRun(FITTED_PLAN, (call) => {
      if (call === 'accumulate gram pca 1' && broken) throw invalidInput('train/chunk_1 is truncated');
      return call === 'embed hvg 0' ? held.opened : undefined;
    });
    const { result } = await playRun(server, run, async (handle) => {
      await until(() => run.count('embed hvg 0') === 1);
      expect((await handle.query(progressQuery)).methods.pca?.state).toBe('failed');
      broken = false;
      await handle.executeUpdate(rerunMethodsUpdate, { args: [{ methods: ['pca'] }] });
      await until(() => run.count('solve gram pca') === 1);
      held.open();
    });
    expect(await result).toMatchObject({ status: 'completed', methods: { pca: { computed: 3 } } });
    expect(run.count('embed hvg')).toBe(3);
  });

  it('pauses and cancels reruns like everything else', async () => {
    const held = gate();
    const run = new MockRun({ chunks: 1, methods: UNFITTED }, (call) => {
      if (call === 'embed scvi_fm 0') return held.opened;
      return call === 'embed gs 0' && run.count(call) > 1 ? untilCancelled() : undefined;
    });
    const { result } = await playRun(server, run, async (handle) => {
      await until(async () => (await handle.query(progressQuery)).methods.gs?.chunksDone === 1);
      await handle.executeUpdate(pauseUpdate);
      await handle.executeUpdate(rerunMethodsUpdate, { args: [{ methods: ['gs'] }] });
      held.open();
      await pause(500);
      expect(run.count('embed gs')).toBe(1);
      await handle.executeUpdate(resumeUpdate);
      await until(() => run.count('embed gs') === 2);
      await handle.executeUpdate(cancelMethodsUpdate, { args: [{ methods: ['gs'] }] });
    });
    // The array that was there before the rerun is still there.
    expect(await result).toMatchObject({ methods: { gs: { computed: 1, cancelled: 0 } } });
    expect(run.count('discard gs 0')).toBe(1);
    expect(run.count('publish gs')).toBe(1);
  });

  it('is asked again of a batch that is through, while another wave goes on', async () => {
    const held = gate();
    const run = new MockRun({ ...FITTED_PLAN, methods: [UNFITTED[0], FITTED[0]], rounds: [ROUNDS[0]!] }, (call) =>
      call === 'embed hvg 0' ? held.opened : undefined,
    );
    const { handle, result } = await playRun(server, run, async (started) => {
      await until(async () => (await started.query(progressQuery)).methods.gs?.state === 'completed');
      await pause(300);
      for (const chunk of ['train/chunk_2', 'train/chunk_1'])
        await started.executeUpdate(rerunMethodsUpdate, { args: [{ methods: ['gs'], chunks: [chunk] }] });
      await until(async () => (await started.query(progressQuery)).reruns.done === 2);
      expect((await started.query(progressQuery)).methods.gs).toMatchObject({ chunksDone: 3, cellsDone: 30 });
      held.open();
    });
    expect(await result).toMatchObject({ status: 'completed' });
    const rerun = server.client.workflow.getHandle(`${handle.workflowId}/unfitted/b000/rerun-1`);
    expect((await rerun.describe()).status.name).toBe('COMPLETED');
  });

  it('refuses what makes no sense, and says why', async () => {
    const held = gate();
    const run = new MockRun({ chunks: 1, methods: UNFITTED }, (call) =>
      call.startsWith('embed') || call.startsWith('finalize') ? held.opened : undefined,
    );
    const { result } = await playRun(server, run, async (handle) => {
      await until(() => run.count('embed') === 2);
      const tell = (message: unknown): Promise<string> =>
        refusalOf(handle.executeUpdate(rerunMethodsUpdate, { args: [message as never] }));
      expect(await tell({ methods: ['pca'] })).toBe('unknown method pca; valid are gs, scvi_fm');
      expect(await tell({ methods: ['gs'], chunks: ['train/chunk_9'] })).toContain('no chunk "train/chunk_9"');
      expect(await tell({})).toContain('expected { "methods"');
      expect(await tell({ methods: ['gs'], chunks: Array(1001).fill('train/chunk_0') })).toContain('at most 1000');
      await handle.signal(rerunMethodsSignal, { methods: ['umap'] });
      held.open();
    });
    expect(await result).toMatchObject({ status: 'completed' });
    expect(run.count('embed')).toBe(2);
  });

  it('is refused while the run is finalized, and where the run only prepares', async () => {
    const held = gate();
    const run = new MockRun({ chunks: 1, methods: UNFITTED }, (call) =>
      call.startsWith('finalize') ? held.opened : undefined,
    );
    await playRun(server, run, async (handle) => {
      await until(() => run.count('finalize') === 1);
      const update = handle.executeUpdate(rerunMethodsUpdate, { args: [{ methods: ['gs'] }] });
      expect(await refusalOf(update)).toBe('this run is ending');
      held.open();
    });
    const waiting = gate();
    const preparing = new MockRun({ chunks: 1, methods: UNFITTED }, (call) =>
      call.startsWith('plan') ? waiting.opened : undefined,
    );
    const request = { config: 'conf/x.yaml', prepareOnly: true };
    await playRun(
      server,
      preparing,
      async (handle) => {
        const update = handle.executeUpdate(rerunMethodsUpdate, { args: [{ methods: ['gs'] }] });
        expect(await refusalOf(update)).toContain('only prepares');
        waiting.open();
      },
      request,
    );
    expect(preparing.count('open')).toBe(0);
  });
});
