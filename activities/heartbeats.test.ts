import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import { ObsmithError } from '../core/errors.js';
import { attemptName, type Beat, withHeartbeats } from './heartbeats.js';

const run = <Result>(environment: MockActivityEnvironment, work: (beat: Beat) => Promise<Result>): Promise<Result> =>
  environment.run(() => withHeartbeats(work));

describe('withHeartbeats', () => {
  it('sends progress as heartbeat details, and repeats it while there is none', async () => {
    const environment = new MockActivityEnvironment();
    const beats: unknown[] = [];
    environment.on('heartbeat', (details) => beats.push(details));
    await run(environment, async ({ onProgress }) => {
      onProgress(4096, 10_000);
      await new Promise((resolve) => setTimeout(resolve, 1_200));
    });
    expect(beats.length).toBeGreaterThanOrEqual(2);
    expect(beats).toEqual(beats.map(() => ({ done: 4096, total: 10_000 })));
  });

  it('rethrows the reason of a cancellation, whatever the work threw', async () => {
    const environment = new MockActivityEnvironment();
    const work = run(environment, async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new ObsmithError({ type: 'Cancelled', message: 'stopped', remedy: 'none' });
    });
    environment.cancel('CANCELLED');
    await expect(work).rejects.toBeInstanceOf(CancelledFailure);
  });

  it.each([
    'InvalidInput',
    'InvalidConfig',
    'MissingModel',
    'InsufficientSpace',
    'LeaseHeld',
    'CudaOutOfMemory',
  ] as const)('never repeats %s', async (type) => {
    expect(await failureOf({ type })).toMatchObject({ type, nonRetryable: true });
  });

  it('repeats StoreUnavailable by the server, Internal twice', async () => {
    expect(await failureOf({ type: 'StoreUnavailable' }, 50)).toMatchObject({ nonRetryable: false });
    expect(await failureOf({ type: 'Internal' }, 2)).toMatchObject({ nonRetryable: false });
    expect(await failureOf({ type: 'Internal' }, 3)).toMatchObject({ nonRetryable: true });
  });

  it('repeats CudaDeviceError twice, after 30 and 60 s, whatever else attempts ended with', async () => {
    const details: unknown[] = [];
    const fail = (attempt: number, heartbeatDetails?: unknown) => {
      const environment = new MockActivityEnvironment({ attempt, heartbeatDetails });
      environment.on('heartbeat', (beat) => details.push(beat));
      const error = new ObsmithError({ type: 'CudaDeviceError', message: 'lost', remedy: 'wait' });
      return run(environment, () => Promise.reject(error)).catch((thrown) => thrown);
    };
    expect(await fail(7)).toMatchObject({ nonRetryable: false, nextRetryDelay: 30_000 });
    expect(await fail(9, details.at(-1))).toMatchObject({ nonRetryable: false, nextRetryDelay: 60_000 });
    expect(await fail(10, details.at(-1))).toMatchObject({ nonRetryable: true });
    expect(details.at(-1)).toMatchObject({ deviceErrors: 3 });
  });

  it('tells the batch size that did not fit', async () => {
    const failure = await failureOf({ type: 'CudaOutOfMemory', batchSize: 32 });
    expect(failure.details).toMatchObject([{ batchSize: 32 }]);
  });

  it('says the remedy in the message and keeps everything in the details', async () => {
    const problems = [{ message: 'unknown key', remedy: 'did you mean hvg?', where: 'x.yaml', line: 3 }];
    const failure = await failureOf({ type: 'InvalidConfig', problems });
    expect(failure.message).toBe('wrong. do this');
    expect(failure.details).toEqual([{ message: 'wrong', remedy: 'do this', problems }]);
  });

  it('takes any other error for a defect', async () => {
    const environment = new MockActivityEnvironment({ attempt: 1 });
    const error = await run(environment, () => Promise.reject(new TypeError('x is undefined'))).catch(
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ type: 'Internal', message: 'x is undefined', nonRetryable: false });
  });
});

describe('attemptName', () => {
  it('names run, activity and attempt', async () => {
    const workflowExecution = { workflowId: 'embed-x/unfitted/b000/c00000', runId: 'run-1' };
    const environment = new MockActivityEnvironment({ workflowExecution, activityId: 'embed-pca', attempt: 2 });
    expect(await environment.run(async () => attemptName())).toBe('run-1-embed-pca-2');
  });
});

async function failureOf(
  fields: Pick<ConstructorParameters<typeof ObsmithError>[0], 'type' | 'problems' | 'batchSize'>,
  attempt = 1,
): Promise<ApplicationFailure> {
  const environment = new MockActivityEnvironment({ attempt });
  const error = await run(environment, () =>
    Promise.reject(new ObsmithError({ message: 'wrong', remedy: 'do this', ...fields })),
  ).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(ApplicationFailure);
  return error;
}
