import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pauseUpdate, progressQuery, resumeUpdate } from '../../workflows/messages.js';
import { gate } from './gates.js';
import { MockRun, untilCancelled } from './mock-run.js';
import { FITTED, ROUNDS } from './planned-methods.js';
import { pause, playRun, until } from './play-run.js';
import { startTestServer, type TestServer } from './server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const PLAN = { chunks: 6, methods: FITTED, fitChunks: 3, rounds: ROUNDS, copyAhead: { from: 1, to: 5 } };

const copied = (run: MockRun): string[] => run.calls.filter((call) => call.startsWith('stage'));

describe('inputs are copied while a fit is being made', () => {
  it('two at a time, those that the plan names', async () => {
    let [now, most] = [0, 0];
    const fitting = gate();
    const run = new MockRun(PLAN, async (call) => {
      if (call.startsWith('accumulate gram')) await fitting.opened;
      if (!call.startsWith('stage')) return;
      most = Math.max(most, ++now);
      await pause(20);
      now--;
    });
    const { result } = await playRun(server, run, async () => {
      await until(() => copied(run).length === 4);
      await pause(100);
      expect(copied(run).toSorted()).toEqual(['stage 1', 'stage 2', 'stage 3', 'stage 4']);
      expect(most).toBe(2);
      fitting.open();
    });
    expect((await result).status).toBe('completed');
  });

  it('until it is there: chunks then copy what they need, and wait for no copy of another', async () => {
    const copying = gate();
    let first = true;
    const run = new MockRun(PLAN, async (call) => {
      if (call === 'stage 1' && first) {
        first = false;
        await copying.opened;
      }
      if (call === 'stage 2' && run.count('stage 2') === 1) await copying.opened;
    });
    const { result } = await playRun(server, run, async () => {
      await until(() => run.count('publish') >= 8);
      // Two were begun ahead and are still at work; the other chunks made theirs.
      expect(run.count('stage 1')).toBe(2);
      expect(run.count('stage 3')).toBe(1);
      copying.open();
    });
    expect((await result).status).toBe('completed');
  });

  it('and a copy that fails is made again by its chunk', async () => {
    const fitting = gate();
    const run = new MockRun(PLAN, async (call) => {
      if (call.startsWith('accumulate gram')) await fitting.opened;
      if (call === 'stage 1' && run.count('stage 1') === 1) throw new Error('the disk is tired');
    });
    const { result } = await playRun(server, run, async () => {
      await until(() => run.count('stage 4') === 1);
      expect(run.count('stage 1')).toBe(1);
      fitting.open();
    });
    expect((await result).status).toBe('completed');
    expect(run.count('stage 1')).toBe(2);
  });

  it('but none is begun while the run is paused', async () => {
    const planning = gate();
    const run = new MockRun(PLAN, (call) => (call === 'plan' ? planning.opened : undefined));
    const { result } = await playRun(server, run, async (handle) => {
      await until(() => run.calls.includes('plan'));
      await handle.executeUpdate(pauseUpdate);
      planning.open();
      await until(async () => (await handle.query(progressQuery)).chunks.total === 6);
      await pause(300);
      expect(copied(run)).toEqual([]);
      await handle.executeUpdate(resumeUpdate);
    });
    expect((await result).status).toBe('completed');
    expect(copied(run).length).toBeGreaterThan(0);
  });

  it('and end with the run when that is cancelled', async () => {
    const run = new MockRun(PLAN, (call) => (/^(stage|scan)/.test(call) ? untilCancelled() : undefined));
    const { result } = await playRun(server, run, async (handle) => {
      await until(() => copied(run).length === 2);
      await handle.cancel();
    });
    await expect(result).rejects.toThrow();
    expect(copied(run)).toHaveLength(2);
    expect(run.calls.at(-1)).toMatch(/^finalize cancelled=true/);
  });
});
