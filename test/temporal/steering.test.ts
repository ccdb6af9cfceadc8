import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { methodNames } from '../../core/methods/registry.js';
import {
  cancelMethodsSignal,
  cancelMethodsUpdate,
  pauseUpdate,
  progressQuery,
  resumeUpdate,
} from '../../workflows/messages.js';
import { METHOD_NAMES } from '../../workflows/method-names.js';
import { gate, refusalOf } from './gates.js';
import { MockRun, untilCancelled } from './mock-run.js';
import { FITTED, ROUNDS, UNFITTED } from './planned-methods.js';
import { pause, playRun, until } from './play-run.js';
import { startTestServer, type TestServer } from './server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

it('the names that workflows know are those of the registry', () => {
  expect(METHOD_NAMES).toEqual(methodNames);
});

describe('cancelMethods', () => {
  it('stops the activities of a method, removes what they staged, and lets the others finish', async () => {
    const run = new MockRun({ chunks: 4, maxOpenChunks: 2, methods: UNFITTED }, (call) =>
      call.startsWith('embed scvi_fm') ? untilCancelled() : undefined,
    );
    const { result } = await playRun(server, run, async (handle) => {
      await until(() => run.count('embed scvi_fm') === 2);
      const answer = await handle.executeUpdate(cancelMethodsUpdate, { args: [{ methods: ['scvi_fm'] }] });
      expect(answer).toEqual({
        message: 'Cancelled on all 4 chunks, where not done: scvi_fm (0 done).',
        ...{ paused: false, methods: ['scvi_fm'], chunks: 'all' },
      });
      expect((await handle.query(progressQuery)).methods.scvi_fm?.state).toBe('cancelled');
    });
    expect(await result).toMatchObject({
      status: 'partial',
      methods: { gs: { computed: 4, cancelled: 0 }, scvi_fm: { computed: 0, cancelled: 4, failed: 0 } },
    });
    expect(run.count('embed scvi_fm')).toBe(2);
    expect(run.count('publish scvi_fm')).toBe(0);
    expect(run.calls.filter((call) => call.startsWith('discard')).sort()).toEqual([
      'discard scvi_fm 0',
      'discard scvi_fm 1',
    ]);
    expect(run.calls).toContain('open 3 gs');
  });

  it('takes chunks by name, and leaves the method alone on all others', async () => {
    const run = new MockRun({ chunks: 3, methods: UNFITTED }, (call) =>
      call === 'embed gs 1' ? untilCancelled() : undefined,
    );
    const { result } = await playRun(server, run, async (handle) => {
      await until(() => run.count('embed gs 1') === 1);
      await handle.signal(cancelMethodsSignal, { methods: ['gs'], chunks: ['train/chunk_1'] });
    });
    expect(await result).toMatchObject({ status: 'partial', methods: { gs: { computed: 2, cancelled: 1 } } });
    expect(run.journal.get('1 unfitted')).toMatchObject({ gs: { state: 'cancelled' }, scvi_fm: { state: 'computed' } });
  });

  it('counts no chunk as done of which nothing but cancelled methods is left', async () => {
    const held = gate();
    const run = new MockRun({ chunks: 3, methods: [UNFITTED[0]] }, (call) => {
      if (call === 'embed gs 1') return untilCancelled();
      return call === 'embed gs 2' ? held.opened : undefined;
    });
    const { result } = await playRun(server, run, async (handle) => {
      await until(() => run.count('embed gs') === 3);
      await handle.signal(cancelMethodsSignal, { methods: ['gs'], chunks: ['train/chunk_1'] });
      await until(() => run.calls.includes('close 1 unfitted'));
      await until(async () => (await handle.query(progressQuery)).chunks.running === 1);
      expect((await handle.query(progressQuery)).chunks).toMatchObject({ completed: 1, failed: 0 });
      held.open();
    });
    expect(await result).toMatchObject({ status: 'partial', methods: { gs: { computed: 2, cancelled: 1 } } });
  });

  it('leaves what is done alone', async () => {
    const held = gate();
    const run = new MockRun({ chunks: 1, methods: UNFITTED }, (call) =>
      call === 'embed scvi_fm 0' ? held.opened : undefined,
    );
    const { result } = await playRun(server, run, async (handle) => {
      await until(async () => (await handle.query(progressQuery)).methods.gs?.chunksDone === 1);
      await handle.executeUpdate(cancelMethodsUpdate, { args: [{ methods: ['gs'] }] });
      held.open();
    });
    expect(await result).toMatchObject({ methods: { gs: { computed: 1, cancelled: 0 } } });
    expect(run.count('discard')).toBe(0);
  });

  it('ends the rounds that no other method shares, and never opens a chunk for the method', async () => {
    const run = new MockRun({ chunks: 2, methods: FITTED, fitChunks: 3, rounds: ROUNDS }, (call) =>
      call.startsWith('accumulate gram') ? untilCancelled() : undefined,
    );
    const { result } = await playRun(server, run, async (handle) => {
      await until(() => run.count('accumulate gram') > 0);
      await handle.executeUpdate(cancelMethodsUpdate, { args: [{ methods: ['pca'] }] });
    });
    expect(await result).toMatchObject({ status: 'partial', methods: { hvg: { computed: 2 }, pca: { cancelled: 2 } } });
    expect(run.calls).toContain('solve gene-statistics hvg');
    expect(run.count('solve gram')).toBe(0);
    expect(run.calls).toContain('open 0 hvg');
  });

  it('finishes rounds that another method shares', async () => {
    const held = gate();
    const run = new MockRun({ chunks: 2, methods: FITTED, fitChunks: 3, rounds: ROUNDS }, (call) =>
      call.startsWith('accumulate gene-statistics') ? held.opened : undefined,
    );
    const { result } = await playRun(server, run, async (handle) => {
      await until(() => run.count('accumulate gene-statistics') === 3);
      await handle.executeUpdate(cancelMethodsUpdate, { args: [{ methods: ['hvg'] }] });
      held.open();
    });
    expect(await result).toMatchObject({ methods: { hvg: { cancelled: 2 }, pca: { computed: 2 } } });
    expect(run.count('accumulate gram pca')).toBe(3);
  });

  it('applies before the plan is there', async () => {
    const held = gate();
    const run = new MockRun({ chunks: 2, methods: UNFITTED }, (call) => (call === 'plan' ? held.opened : undefined));
    const { result } = await playRun(server, run, async (handle) => {
      const unknown = handle.executeUpdate(cancelMethodsUpdate, { args: [{ methods: ['gs', 'umap'] }] });
      expect(await refusalOf(unknown)).toBe(`unknown method umap; valid are ${METHOD_NAMES.join(', ')}`);
      const update = handle.startUpdate(cancelMethodsUpdate, { args: [{ methods: ['gs'] }], waitForStage: 'ACCEPTED' });
      const notPlanned = handle.startUpdate(cancelMethodsUpdate, {
        args: [{ methods: ['pca'] }],
        waitForStage: 'ACCEPTED',
      });
      await update;
      await notPlanned;
      held.open();
      await (await update).result();
      expect(await refusalOf((await notPlanned).result())).toBe('unknown method pca; valid are gs, scvi_fm');
    });
    expect(await result).toMatchObject({
      status: 'partial',
      methods: { gs: { computed: 0 }, scvi_fm: { computed: 2 } },
    });
  });

  it('refuses unknown methods and chunks with the valid names; such signals change nothing', async () => {
    const held = gate();
    const run = new MockRun({ chunks: 1, methods: UNFITTED }, (call) =>
      call.startsWith('embed') ? held.opened : undefined,
    );
    const { result } = await playRun(server, run, async (handle) => {
      await until(() => run.count('embed') === 2);
      const tell = (message: unknown): Promise<string> =>
        refusalOf(handle.executeUpdate(cancelMethodsUpdate, { args: [message as never] }));
      expect(await tell({ methods: ['pca'] })).toBe('unknown method pca; valid are gs, scvi_fm');
      expect(await tell({ methods: ['gs'], chunks: ['train/chunk_9'] })).toContain(
        'no chunk "train/chunk_9". Valid are',
      );
      for (const message of [undefined, {}, { methods: [] }, { methods: 'gs' }, { methods: ['gs'], chunks: [] }]) {
        expect(await tell(message)).toMatch(/expected \{ "methods"|"chunks" must be/);
      }
      await handle.signal(cancelMethodsSignal, { methods: ['umap'] });
      await handle.signal('cancelMethods');
      expect((await handle.query(progressQuery)).methods.gs?.state).toBe('running');
      held.open();
    });
    expect(await result).toMatchObject({ status: 'completed' });
  });
});

describe('pause', () => {
  it('starts neither chunks, nor methods, nor steps of a fit until resume', async () => {
    const held = gate();
    const run = new MockRun(
      { chunks: 2, maxOpenChunks: 1, methods: [UNFITTED[0], FITTED[0]], fitChunks: 3, rounds: [ROUNDS[0]!] },
      (call) => (call === 'open 0 gs' || call === 'scan 0' ? held.opened : undefined),
    );
    const { result } = await playRun(server, run, async (handle) => {
      await until(() => run.count('open') === 1 && run.count('scan') === 1);
      expect(await handle.executeUpdate(pauseUpdate)).toMatchObject({ paused: true });
      await pause(300); // The messages are passed on from workflow to workflow.
      held.open();
      await pause(500);
      expect(run.count('embed') + run.count('open') + run.count('scan')).toBe(2);
      expect(await handle.executeUpdate(resumeUpdate)).toMatchObject({ paused: false });
    });
    expect(await result).toMatchObject({ status: 'completed', methods: { gs: { computed: 2 }, hvg: { computed: 2 } } });
    expect(run.count('scan')).toBe(3);
  });
});
