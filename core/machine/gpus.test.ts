import { expect, it } from 'vitest';
import { parseGpus } from './gpus.js';

it('reads what nvidia-smi prints, also where a GPU is divided', () => {
  expect(parseGpus('0, 37, 1024, 81920\n1, [N/A], 0, 40960\n')).toEqual([
    { index: '0', utilization: 0.37, memoryBytes: 2 ** 30, memoryTotalBytes: 80 * 2 ** 30 },
    { index: '1', utilization: null, memoryBytes: 0, memoryTotalBytes: 40 * 2 ** 30 },
  ]);
  expect(parseGpus('')).toEqual([]);
});
