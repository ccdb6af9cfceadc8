import type { InferenceSession } from 'onnxruntime-node';
import { invalidConfig } from '../errors.js';

/** Where a model runs: "cpu", "webgpu" (any GPU with a Vulkan driver), or the n-th NVIDIA card. */
export type Device = 'cpu' | 'webgpu' | `cuda:${number}`;

/** The device that a person named; InvalidConfig for anything else. */
export function parseDevice(text: string): Device {
  if (text === 'cpu' || text === 'webgpu') return text;
  if (/^cuda:\d{1,3}$/.test(text)) return text as Device;
  throw invalidConfig(`Unknown device "${text}"`, 'Devices are cpu, webgpu, and cuda:0, cuda:1, ...');
}

/** The device of a queue's workers: methods on the CPU queue run on the CPU, whatever else a machine has. */
export function deviceOf(queue: 'cpu' | 'gpu', env: NodeJS.ProcessEnv): Device {
  return queue === 'cpu' ? 'cpu' : parseDevice(env.OBSMITH_DEVICE || 'cpu');
}

/** The only execution provider that a session gets: with a second one, a missing GPU would go unnoticed. */
export function executionProvider(device: Device): InferenceSession.ExecutionProviderConfig {
  if (device === 'cpu' || device === 'webgpu') return device;
  return { name: 'cuda', deviceId: Number(device.slice('cuda:'.length)) };
}
