import { expect, it } from 'vitest';
import { deviceOf, executionProvider, parseDevice } from './device.js';

it.each(['cpu', 'webgpu', 'cuda:0', 'cuda:12'] as const)('knows %s', (device) => {
  expect(parseDevice(device)).toBe(device);
});

it.each(['cuda', 'gpu', 'cuda:-1', 'CPU', 'cuda:0,1', ''])('refuses "%s", naming what there is', (text) => {
  expect(() => parseDevice(text)).toThrow(
    expect.objectContaining({
      type: 'InvalidConfig',
      message: `Unknown device "${text}"`,
      remedy: expect.stringContaining('cuda:0'),
    }),
  );
});

it('gives the CPU queue the CPU, whatever the worker was told', () => {
  expect(deviceOf('cpu', { OBSMITH_DEVICE: 'cuda:0' })).toBe('cpu');
  expect(deviceOf('gpu', { OBSMITH_DEVICE: 'cuda:1' })).toBe('cuda:1');
  expect(deviceOf('gpu', {})).toBe('cpu');
});

it('asks ONNX Runtime for that device alone', () => {
  expect(executionProvider('cuda:3')).toEqual({ name: 'cuda', deviceId: 3 });
  expect(executionProvider('webgpu')).toBe('webgpu');
});
