import { expect, it } from 'vitest';
import { probeDevice } from './probe-device.js';

it('finds the CPU everywhere', async () => {
  await expect(probeDevice('cpu')).resolves.toBeUndefined();
});

it('says what a device that is not there lacks, and what to do', async () => {
  await expect(probeDevice('cuda:99')).rejects.toMatchObject({
    type: 'InvalidConfig',
    message: expect.stringContaining('Device cuda:99 cannot be used'),
    remedy: expect.stringContaining('npm rebuild onnxruntime-node'),
  });
});
