import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, test } from 'vitest';
import { accompany, endCompanions } from './companions.js';

const inRun = (runId: string) => new MockActivityEnvironment({ workflowExecution: { workflowId: 'embed-x', runId } });

/** A companion that ends with its signal, and says how it learned of the end. */
function companion(runId: string, outside = new AbortController()): Promise<string> {
  let heard = '';
  const work = inRun(runId).run(() =>
    accompany({ signal: outside.signal, onProgress: () => {} }, async ({ signal, runEnd }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      heard = runEnd.aborted ? 'run end' : 'signal';
    }),
  );
  return work.then(() => heard);
}

describe('companions of a run', () => {
  test('end at once with their run, all of them and no others', async () => {
    const outside = new AbortController();
    const others = companion('run-2', outside);
    const both = [companion('run-1'), companion('run-1')];
    await inRun('run-1').run(async () => endCompanions());
    expect(await Promise.all(both)).toEqual(['run end', 'run end']);
    outside.abort();
    expect(await others).toBe('signal');
  });

  test('are not needed for the end of a run: they may be in another worker', async () => {
    await expect(inRun('run-3').run(async () => endCompanions())).resolves.toBeUndefined();
  });
});
