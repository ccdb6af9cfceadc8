import { expect, it } from 'vitest';
import type { Device } from './device.js';
import { deviceError } from './device-error.js';

/** As ONNX Runtime, CUDA, cuBLAS, cuDNN and Dawn say it. */
const CASES: [string, Device, string | null][] = [
  [
    'Non-zero status code returned while running MatMul node. Name:"/l/MatMul" Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*) Failed to allocate memory for requested buffer of size 4294967296',
    'cuda:0',
    'CudaOutOfMemory',
  ],
  [
    'CUDA failure 2: out of memory ; GPU=0 ; hostname=node ; expr=cudaMalloc((void**)&p, size);',
    'cuda:1',
    'CudaOutOfMemory',
  ],
  ['CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0', 'cuda:0', 'CudaOutOfMemory'],
  ['Error: Out of memory: D3D12 allocation of 268435456 bytes', 'webgpu', 'CudaOutOfMemory'],
  [
    'CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; expr=cudaStreamSynchronize(stream);',
    'cuda:0',
    'CudaDeviceError',
  ],
  ['CUDNN failure 8: CUDNN_STATUS_EXECUTION_FAILED ; GPU=0', 'cuda:0', 'CudaDeviceError'],
  ['CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED', 'cuda:0', 'CudaDeviceError'],
  ['WebGPU device lost (1): A valid external Instance reference no longer exists.', 'webgpu', 'CudaDeviceError'],
  ['OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library', 'cuda:0', 'InvalidConfig'],
  [
    'CUDA failure 101: invalid device ordinal ; GPU=-1 ; expr=cudaSetDevice(info_.device_id);',
    'cuda:99',
    'InvalidConfig',
  ],
  ['CUDA failure 100: no CUDA-capable device is detected', 'cuda:0', 'InvalidConfig'],
  ['CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version', 'cuda:0', 'InvalidConfig'],
  [
    'adapter_result.status == wgpu::RequestAdapterStatus::Success was false. Failed to get a WebGPU adapter: No supported adapters',
    'webgpu',
    'InvalidConfig',
  ],
  ['Got invalid dimensions for input: counts for the following indices index: 1 Got: 3 Expected: 300', 'cuda:0', null],
  ['Load model from model.onnx failed:Protobuf parsing failed.', 'cuda:0', null],
  ['Failed to allocate memory for requested buffer of size 4294967296', 'cpu', null],
];

it.each(CASES)('%s on %s is %s', (message, device, type) => {
  const error = deviceError(device, new Error(message));
  expect(error?.type ?? null).toBe(type);
  if (error === null) return;
  expect(error.message).toContain(device);
  expect(error.remedy).not.toBe('');
  expect(error.retryable).toBe(type === 'CudaDeviceError');
});

it('names the setting to lower, as users search for it', () => {
  const error = deviceError('cuda:0', new Error('CUDA failure 2: out of memory'));
  expect(error?.message).toMatch(/^CUDA out of memory/);
  expect(error?.remedy).toContain('batch_size');
});
