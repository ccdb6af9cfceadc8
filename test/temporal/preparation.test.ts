import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cancelMethodsUpdate, pauseUpdate, progressQuery, resumeUpdate } from '../../workflows/messages.js';
import { invalidInput, MockRun, untilCancelled } from './mock-run.js';
import { pause, playRun, until } from './play-run.js';
import { startTestServer, type TestServer } from './server.js';

const METHODS = [
  { method: 'gs', queue: 'cpu', fitted: false },
  { method: 'geneformer', queue: 'gpu', fitted: false, prepared: true },
] as const;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const play = (run: MockRun, during?: (handle: WorkflowHandle) => Promise<void>, request?: object) =>
  playRun(server, run, during, request === undefined ? undefined : { config: 'conf/x.yaml', ...request });

describe('preparation', () => {
  it('comes before the embedding of its chunk, on the CPU queue, and stands in the journal', async () => {
    const run = new MockRun({ chunks: 3, methods: METHODS });
    const { handle, result } = await play(run);
    expect((await result).status).toBe('completed');
    for (const chunk of [0, 1, 2]) {
      expect(run.calls.indexOf(`prepare geneformer ${chunk}`)).toBeLessThan(
        run.calls.indexOf(`embed geneformer ${chunk}`),
      );
      const { gs, geneformer } = run.journal.get(`${chunk} unfitted`)!;
      expect(geneformer).toMatchObject({ state: 'computed', preparation: { computed: true, seconds: 0.25 } });
      expect(gs).not.toHaveProperty('preparation');
    }
    expect(run.count('prepare gs')).toBe(0);
    const child = server.client.workflow.getHandle(`${handle.workflowId}/unfitted/b000/c00000`);
    const { events } = await child.fetchHistory();
    const scheduled = events?.flatMap((event) => event.activityTaskScheduledEventAttributes ?? []) ?? [];
    const queueOf = (id: string) => scheduled.find(({ activityId }) => activityId === id)?.taskQueue?.name;
    expect(queueOf('prepare-geneformer')).toMatch(/obsmith-cpu$/);
    expect(queueOf('embed-geneformer')).toMatch(/obsmith-gpu$/);
  });

  it('of other chunks goes on while one is embedded, and is told as progress', async () => {
    let release = (): void => {};
    const allPrepared = new Promise<void>((resolve) => {
      release = resolve;
    });
    const run = new MockRun({ chunks: 4, methods: METHODS }, (call) =>
      call.startsWith('embed geneformer') ? allPrepared : undefined,
    );
    const { result } = await play(run, async (handle) => {
      await until(async () => (await handle.query(progressQuery)).methods.geneformer?.chunksPrepared === 4);
      const { stage, methods } = await handle.query(progressQuery);
      expect(stage).toBe('embedding');
      expect(methods.geneformer).toMatchObject({ state: 'running', chunksDone: 0 });
      expect(methods.gs).not.toHaveProperty('chunksPrepared');
      release();
    });
    await result;
  });

  it('that fails leaves the other methods alone', async () => {
    const run = new MockRun({ chunks: 2, methods: METHODS }, (call) => {
      if (call === 'prepare geneformer 1') throw invalidInput('Missing ensembl_id for Geneformer');
    });
    const { result } = await play(run);
    await result.catch(() => {});
    expect(run.journal.get('1 unfitted')).toMatchObject({
      gs: { state: 'computed' },
      geneformer: { state: 'failed', type: 'InvalidInput', message: 'Missing ensembl_id for Geneformer' },
    });
    expect(run.count('embed geneformer')).toBe(1);
  });

  it('that is cancelled is not followed by an embedding', async () => {
    const run = new MockRun({ chunks: 1, methods: METHODS }, (call) =>
      call.startsWith('prepare') ? untilCancelled() : undefined,
    );
    const { result } = await play(run, async (handle) => {
      await until(() => run.count('prepare') === 1);
      await handle.executeUpdate(cancelMethodsUpdate, { args: [{ methods: ['geneformer'] }] });
    });
    expect((await result).status).toBe('partial');
    expect(run.count('embed geneformer')).toBe(0);
    expect(run.journal.get('0 unfitted')).toMatchObject({ geneformer: { state: 'cancelled' } });
  });

  it('that ends while the run is paused waits with the embedding', async () => {
    let release = (): void => {};
    const paused = new Promise<void>((resolve) => {
      release = resolve;
    });
    const run = new MockRun({ chunks: 1, methods: METHODS }, (call) =>
      call.startsWith('prepare') ? paused : undefined,
    );
    const { result } = await play(run, async (handle) => {
      await until(() => run.count('prepare') === 1);
      await handle.executeUpdate(pauseUpdate);
      const child = server.client.workflow.getHandle(`${handle.workflowId}/unfitted/b000/c00000`);
      const isSignal = (event: { workflowExecutionSignaledEventAttributes?: { signalName?: string | null } | null }) =>
        event.workflowExecutionSignaledEventAttributes?.signalName === 'pause';
      await until(async () => (await child.fetchHistory()).events?.some(isSignal) ?? false);
      release();
      await pause(300);
      expect(run.count('embed geneformer')).toBe(0);
      await handle.executeUpdate(resumeUpdate);
    });
    expect((await result).status).toBe('completed');
    expect(run.count('embed geneformer')).toBe(1);
  });
});

describe.each([{ prepareOnly: true }, { section: 'embedding_preparation' }])('a run with %o', (request) => {
  it('prepares and does nothing else', async () => {
    const stages = new Set<string>();
    const run = new MockRun({ chunks: 3, methods: METHODS.slice(1), prepareOnly: true }, () => pause(20));
    const { result } = await play(
      run,
      async (handle) => {
        await until(async () => {
          const { stage, methods } = await handle.query(progressQuery);
          stages.add(stage).add(methods.geneformer?.state ?? '');
          return run.count('finalize') === 1;
        });
      },
      request,
    );
    expect(await result).toMatchObject({ status: 'completed', methods: { geneformer: { computed: 3 } } });
    expect(run.count('prepare')).toBe(3);
    for (const other of ['embed', 'stage', 'publish']) expect(run.count(other)).toBe(0);
    expect([...stages]).toContain('preparing');
  });
});
