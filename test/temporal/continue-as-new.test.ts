import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { followRun } from '../../client/follow.js';
import { cancelMethodsUpdate, progressQuery, rerunMethodsUpdate } from '../../workflows/messages.js';
import { gate } from './gates.js';
import { MockRun } from './mock-run.js';
import { playRun, until } from './play-run.js';
import { longAfter, startTestServer, type TestServer } from './server.js';

const METHODS = [
  { method: 'gs', queue: 'cpu', fitted: false },
  { method: 'hvg', queue: 'cpu', fitted: true },
  { method: 'pca', queue: 'cpu', fitted: true },
] as const;
const PLAN = {
  ...{ chunks: 3, methods: METHODS, fitChunks: 3 },
  rounds: [
    { round: 'gene-statistics' as const, methods: ['hvg', 'pca'], chunks: 3, accumulated: false },
    { round: 'gram' as const, methods: ['pca'], chunks: 3, accumulated: false },
  ],
};

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer([longAfter(20)]);
});
afterAll(() => server.stop());

async function runsOf(workflowId: string, firstRunId: string): Promise<string[]> {
  const runs = [firstRunId];
  for (;;) {
    const { events } = await server.client.workflow.getHandle(workflowId, runs.at(-1)).fetchHistory();
    const next = events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
    if (!next) return runs;
    runs.push(next);
  }
}

describe('a run whose history becomes long', () => {
  it('goes on as a new workflow run, without doing or losing anything', async () => {
    const run = new MockRun(PLAN);
    let followed: unknown;
    let progress: unknown;
    const { handle, result } = await playRun(server, run, async ({ workflowId, firstExecutionRunId: runId }) => {
      const { signal } = new AbortController();
      const options = { onProgress() {}, onSilence: async () => {}, signal, isWatched: false };
      followed = await followRun(server.client, { workflowId, runId, joined: false }, options);
      progress = await server.client.workflow.getHandle(workflowId).query(progressQuery);
    });
    expect(await result).toMatchObject({
      status: 'completed',
      methods: { gs: { computed: 3 }, hvg: { computed: 3 }, pca: { computed: 3 } },
    });
    expect(followed).toEqual(await result);
    const runs = await runsOf(handle.workflowId, handle.firstExecutionRunId);
    expect(runs.length).toBeGreaterThan(1);
    expect([run.count('plan'), run.count('acquireLease'), run.count('embed'), run.count('finalize')]).toEqual([
      ...[1, 1, 9, 1],
    ]);
    expect(run.count('holdLease')).toBe(runs.length);
    expect(run.calls).toContain('finalize cancelled=false lease=true');
    expect(run.leaseHeld).toBe(false);
    expect(progress).toMatchObject({ stage: 'completed', cells: { total: 30, done: 30 } });
  });

  it('keeps to what it was told, and shows what was done before', async () => {
    const held = gate();
    const later = gate();
    const run = new MockRun(PLAN, (call) => {
      if (call === 'embed gs 2') return held.opened;
      return call === 'embed hvg 2' ? later.opened : undefined;
    });
    const { handle, result } = await playRun(server, run, async (first) => {
      await until(() => run.count('solve gram pca') === 1 && run.count('embed gs') === 3);
      await first.executeUpdate(cancelMethodsUpdate, { args: [{ methods: ['pca'], chunks: ['train/chunk_1'] }] });
      await first.executeUpdate(rerunMethodsUpdate, { args: [{ methods: ['hvg'], chunks: ['train/chunk_0'] }] });
      held.open();
      await until(() => run.count('embed hvg 2') === 1);
      const last = server.client.workflow.getHandle(first.workflowId);
      expect((await last.describe()).runId).not.toBe(first.firstExecutionRunId);
      expect((await last.query(progressQuery)).methods.gs).toMatchObject({ state: 'completed', cellsDone: 30 });
      await last.executeUpdate(rerunMethodsUpdate, { args: [{ methods: ['gs'], chunks: ['train/chunk_1'] }] });
      later.open();
    });
    expect(await result).toMatchObject({
      status: 'partial',
      methods: { gs: { computed: 3 }, hvg: { computed: 3 }, pca: { computed: 2, cancelled: 1 } },
    });
    expect(run.calls).toContain('open 0 hvg,pca again hvg');
    expect(run.calls).toContain('open 1 hvg');
    expect(run.calls).toContain('open 1 gs again gs');
    expect(run.count('embed gs')).toBe(4);
    expect(await runsOf(handle.workflowId, handle.firstExecutionRunId)).not.toHaveLength(1);
  });
});
