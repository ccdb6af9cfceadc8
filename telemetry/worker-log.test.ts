import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { expect, it } from 'vitest';
import { baseIdFile, planFolder, runLogFolder } from '../core/dataset/layout.js';
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

it('puts lines of workflows into the folder of their run, those of a chunk into its file', async () => {
  const base = await mkdtemp(join(tmpdir(), 'obsmith-lines-'));
  const plan = '20260101T000000Z-abcdef';
  await mkdir(join(base, planFolder(plan)), { recursive: true });
  const run = { workflowId: 'embed-toy', runId: 'r1', logs: runLogFolder('embed-toy', 'r1') };
  const files = { 'plan.json': { id: plan, baseId: 'b', run }, 'chunks-0000.json': [{ name: 'train/chunk_0' }] };
  for (const [name, content] of Object.entries(files))
    await writeFile(join(base, planFolder(plan), name), JSON.stringify(content));
  await writeFile(join(base, baseIdFile()), 'b');
  const lines: string[] = [];
  const log = new WorkerLog('info', { write: (line) => void lines.push(line) });
  const logger = log.forTemporal();
  const ids = { workflowId: 'embed-toy', workflowRunId: 'r1' };
  logger.warn('Signal pause was ignored', { ...ids, logSubject: { base, plan } });
  logger.warn('Workflow failed', { ...ids, logSubject: { base, plan, chunk: 0 } });
  logger.debug('Workflow started', { ...ids, logSubject: { base, plan } });
  logger.warn('before the plan', ids);
  await log.flush();
  const written = async (file: string) => JSON.parse(await readFile(join(base, run.logs, file), 'utf8'));
  const expected = { level: 'warn', workflowId: 'embed-toy', runId: 'r1' };
  expect(await written('run.log')).toMatchObject({ ...expected, msg: 'Signal pause was ignored' });
  expect(await written('embedding_prepare/train/chunk_0.log')).toMatchObject({
    ...{ ...expected, chunk: 'train/chunk_0', msg: 'Workflow failed' },
  });
  expect(lines.map((line) => JSON.parse(line).msg).sort()).toEqual(
    ['Signal pause was ignored', 'Workflow failed', 'before the plan'].sort(),
  );
  expect(lines.join('')).not.toContain('logSubject');
  await rm(base, { recursive: true });
});
