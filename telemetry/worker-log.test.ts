import { ApplicationFailure } from '@temporalio/common';
import { expect, it } from 'vitest';
import { ObsmithError } from '../core/errors.js';
import { WorkerLog } from './worker-log.js';

function logged(say: (log: WorkerLog) => void, level = 'info'): Record<string, unknown>[] {
  const lines: string[] = [];
  say(new WorkerLog(level, { write: (line) => void lines.push(line) }));
  return lines.map((line) => JSON.parse(line));
}

it('names ids and activity as people do, and leaves out tokens', () => {
  const [line] = logged((log) =>
    log.forTemporal().warn('Activity failed', {
      ...{ workflowId: 'embed-toy/b000/c00001', workflowRunId: 'r1', activityType: 'embedMethod', attempt: 2 },
      ...{ chunk: 'train/chunk_1', method: 'pca', taskToken: 'long', isLocal: false, namespace: 'default' },
      error: ApplicationFailure.create({ type: 'StoreUnavailable', message: 'disk full' }),
    }),
  );
  expect(line).toEqual({
    ...{ level: 'warn', name: 'obsmith', msg: 'Activity failed', time: expect.stringMatching(/Z$/) },
    ...{ pid: process.pid, hostname: expect.any(String) },
    ...{ workflowId: 'embed-toy/b000/c00001', runId: 'r1', activity: 'embedMethod', attempt: 2 },
    ...{ chunk: 'train/chunk_1', method: 'pca' },
    error: { type: 'StoreUnavailable', message: 'disk full', retryable: true },
  });
});

it('shows the stack of defects only', () => {
  const lines = logged((log) => {
    log.logger.error({ error: new TypeError('x is not a function') });
    log.logger.error({ error: new ObsmithError({ type: 'InvalidInput', message: 'no genes', remedy: 'add some' }) });
  });
  expect(lines[0]?.error).toMatchObject({ type: 'TypeError', stack: expect.stringContaining('worker-log.test') });
  expect(lines[1]?.error).toEqual({ type: 'InvalidInput', message: 'no genes', retryable: false });
});

it('keeps to its level', () => {
  const lines = logged((log) => {
    log.forTemporal().info('quiet');
    log.forTemporal().error('loud');
  }, 'error');
  expect(lines.map(({ msg }) => msg)).toEqual(['loud']);
});
