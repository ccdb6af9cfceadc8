import { expect, it } from 'vitest';
import { invalidInput, type ObsmithError } from '../core/errors.js';
import { deviceFailed } from '../core/inference/device-error.js';
import { DeviceWatch } from './device-watch.js';

const FAILED = deviceFailed('cuda:0', 'CUDA failure 700: an illegal memory access was encountered');

/** Observes works that end so; gives what the worker would stop with. */
async function observe(...ends: (Error | null)[]): Promise<ObsmithError[]> {
  const losses: ObsmithError[] = [];
  const watch = new DeviceWatch('cuda:0', (error) => losses.push(error));
  for (const end of ends) {
    const work = watch.observe(() => (end === null ? Promise.resolve('embedded') : Promise.reject(end)));
    expect(await work.catch((error) => error)).toBe(end ?? 'embedded');
  }
  return losses;
}

it('stops the worker after three device errors in a row, and says why and what to do', async () => {
  const [loss, ...more] = await observe(FAILED, FAILED, FAILED, FAILED);
  expect(more).toEqual([]);
  expect(loss).toMatchObject({
    type: 'CudaDeviceError',
    message: expect.stringMatching(/cuda:0 failed 3 times in a row\. Last: .*illegal memory access/),
    remedy: expect.stringContaining('start the worker again'),
  });
});

it('begins to count anew after work that went well, and counts nothing else', async () => {
  expect(await observe(FAILED, FAILED, null, FAILED, FAILED)).toEqual([]);
  const input = invalidInput('no genes', 'add some');
  expect(await observe(FAILED, input, FAILED)).toEqual([]);
  expect(await observe(FAILED, input, FAILED, FAILED)).toHaveLength(1);
});
