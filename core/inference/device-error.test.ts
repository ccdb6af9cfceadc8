import { describe, expect, it } from 'vitest';
import type { Device } from './device.js';
import { deviceError } from './device-error.js';

/** As ONNX Runtime, CUDA, cuBLAS, cuDNN and Dawn say it: from the issues of ONNX Runtime (their numbers) and its library. */
const CASES: Readonly<Record<string, readonly (readonly [string, Device])[]>> = {
  CudaOutOfMemory: [
    // microsoft/onnxruntime 22702, 16307, 23121
    [
      "Non-zero status code returned while running Conv node. Name:'/patch_embed/stages/stages.0/blocks/blocks.0/mlp/fc1/Conv' Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*, bool, onnxruntime::WaitNotificationFn) Failed to allocate memory for requested buffer of size 4585490524328388608",
      'cuda:0',
    ],
    [
      'Non-zero status code returned while running ReduceSum node. onnxruntime::BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 939524096',
      'cuda:0',
    ],
    [
      "Non-zero status code returned while running TfIdfVectorizer node. Name:'TfIdfVectorizer' Status Message: onnxruntime/core/framework/bfc_arena.cc:376 void *onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream *, bool, onnxruntime::WaitNotificationFn) Available memory of 0 is smaller than requested bytes of 2048",
      'cuda:0',
    ],
    ['BFC Arena ran out of memory trying to allocate 4294967296', 'cuda:0'],
    [
      'onnxruntime/core/providers/cuda/cuda_call.cc:114 onnxruntime::CudaCall CUDA failure 2: out of memory ; GPU=0 ; hostname=node ; file=onnxruntime/core/providers/cuda/cuda_stream_handle.cc ; line=175 ; expr=cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);',
      'cuda:1',
    ],
    [
      'CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=node ; file=onnxruntime/core/providers/cuda/cuda_stream_handle.cc ; line=73 ; expr=cublasCreate(&cublas_handle_);',
      'cuda:0',
    ],
    ['CUDNN failure 2: CUDNN_STATUS_ALLOC_FAILED ; GPU=0', 'cuda:0'],
    ['CUDNN failure 4003: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0', 'cuda:0'],
    ['CUDA_ERROR_OUT_OF_MEMORY: out of memory', 'cuda:0'],
    // 25195; mlc-ai/web-llm 60; kessler/gemma-gem 1
    ['WebGPU device error(2): Out of memory', 'webgpu'],
    ['Buffer size (3185049600) exceeds the max buffer size limit (1073741824).', 'webgpu'],
    ['vkAllocateMemory failed with VK_ERROR_OUT_OF_DEVICE_MEMORY', 'webgpu'],
    ['Error: Out of memory: D3D12 allocation of 268435456 bytes', 'webgpu'],
    [
      "onnxruntime/core/providers/webgpu/buffer_manager.cc:543 status == wgpu::MapAsyncStatus::Success was false. Failed to download data from buffer: Failed to execute 'mapAsync' on 'GPUBuffer': [Invalid Buffer (unlabeled)] is invalid due to a previous error.",
      'webgpu',
    ],
  ],
  CudaDeviceError: [
    // 26312, 5295
    [
      'CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; hostname=node ; expr=cudaMemcpy(dst_data, src_data, bytes, cudaMemcpyHostToDevice);',
      'cuda:0',
    ],
    ['CUDA failure 719: unspecified launch failure ; GPU=0 ; expr=cudaStreamSynchronize(stream);', 'cuda:0'],
    ['CUDA failure 702: the launch timed out and was terminated ; GPU=0', 'cuda:0'],
    ['CUDA failure 710: device-side assert triggered ; GPU=0', 'cuda:0'],
    ['CUDA failure 716: misaligned address ; GPU=0', 'cuda:0'],
    ['CUDA failure 214: uncorrectable ECC error encountered ; GPU=0', 'cuda:0'],
    // 14030, 14211, 21368, 8381: the driver could not be initialised
    ['CUDA failure 46: all CUDA-capable devices are busy or unavailable ; GPU=0', 'cuda:0'],
    ['CUDA failure 999: unknown error ; GPU=192915439 ; expr=cudaSetDevice(info_.device_id);', 'cuda:0'],
    ['CUDA failure 3: initialization error ; GPU=32764 ; hostname=node ; expr=cudaSetDevice(GetDeviceId());', 'cuda:0'],
    ['CUDA error: CUDA-capable device(s) is/are busy or unavailable', 'cuda:0'],
    ['CUDA driver initialization failed, you might not have a CUDA gpu.', 'cuda:0'],
    // 17337, 14186, 4008; C0untFloyd/roop-unleashed 995; pykeio/ort 467
    [
      "Non-zero status code returned while running Gemm node. Name:'Gemm_568' Status Message: CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED ; GPU=0 ; hostname=node ; file=onnxruntime/core/providers/cuda/math/gemm.cc ; line=121",
      'cuda:0',
    ],
    ['CUBLAS failure 1: CUBLAS_STATUS_NOT_INITIALIZED ; GPU=0', 'cuda:0'],
    ['CUBLAS failure 14: CUBLAS_STATUS_INTERNAL_ERROR ; GPU=0', 'cuda:0'],
    ['CUDNN failure 8: CUDNN_STATUS_EXECUTION_FAILED ; GPU=0', 'cuda:0'],
    ['CUDNN failure 1: CUDNN_STATUS_NOT_INITIALIZED ; GPU=0 ; expr=cudnnCreate(&cudnn_handle_);', 'cuda:0'],
    ['CUDNN failure 1001: CUDNN_STATUS_NOT_INITIALIZED ; GPU=0 ; expr=cudnnCreate(&cudnn_handle_);', 'cuda:0'],
    [
      "Non-zero status code returned while running Conv node. Name:'stem_conv' Status Message: CUDNN error executing cudnnConvolutionForward(s_.handle, &alpha)",
      'cuda:0',
    ],
    ['CUDA error executing cudaMemcpy(dst_data, src_data, bytes, cudaMemcpyDeviceToHost)', 'cuda:0'],
    [
      'Unable to determine the device handle for GPU 0000:3B:00.0: GPU is lost.  Reboot the system to recover this GPU',
      'cuda:0',
    ],
    ['WebGPU device lost (1): A valid external Instance reference no longer exists.', 'webgpu'],
    ["Failed to download data from buffer: Failed to execute 'mapAsync' on 'GPUBuffer': [Device] is lost.", 'webgpu'],
    ['Failed to download data from buffer. wgpu::MapAsyncStatus value: 4, message: ', 'webgpu'],
    ['vkQueueSubmit failed with VK_ERROR_DEVICE_LOST', 'webgpu'],
  ],
  InvalidConfig: [
    ['OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library', 'cuda:0'],
    // 21684
    [
      'Failed to load library libonnxruntime_providers_cuda.so with error: libcublasLt.so.12: cannot open shared object file: No such file or directory',
      'cuda:0',
    ],
    ['CUDA failure 101: invalid device ordinal ; GPU=-1 ; expr=cudaSetDevice(info_.device_id);', 'cuda:99'],
    ['CUDA failure 100: no CUDA-capable device is detected', 'cuda:0'],
    ['CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=1055442736', 'cuda:0'],
    ['CUDA failure 209: no kernel image is available for execution on the device ; GPU=0', 'cuda:0'],
    ['CUBLAS failure 8: CUBLAS_STATUS_ARCH_MISMATCH ; GPU=0', 'cuda:0'],
    [
      'adapter_result.status == wgpu::RequestAdapterStatus::Success was false. Failed to get a WebGPU adapter: No supported adapters',
      'webgpu',
    ],
  ],
  'no error of the device': [
    ['Got invalid dimensions for input: counts for the following indices index: 1 Got: 3 Expected: 300', 'cuda:0'],
    ['Load model from model.onnx failed:Protobuf parsing failed.', 'cuda:0'],
    // 1606
    ['CUDNN failure 3: CUDNN_STATUS_BAD_PARAM ; GPU=0 ; expr=cudnnSetTensorNdDescriptor(tensor_, dataType)', 'cuda:0'],
    ['CUBLAS failure 7: CUBLAS_STATUS_INVALID_VALUE ; GPU=0', 'cuda:0'],
    ['Failed to allocate memory for requested buffer of size 4294967296', 'cpu'],
  ],
};

describe.each(Object.entries(CASES))('%s', (type, messages) => {
  it.each(messages)('%s', (message, device) => {
    const error = deviceError(device, new Error(message));
    expect(error?.type ?? 'no error of the device').toBe(type);
    if (error === null) return;
    expect(error.message).toContain(device);
    expect(error.remedy).not.toBe('');
    expect(error.retryable).toBe(type === 'CudaDeviceError');
  });
});

it('names the setting to lower, as users search for it', () => {
  const error = deviceError('cuda:0', new Error('CUDA failure 2: out of memory'));
  expect(error?.message).toMatch(/^CUDA out of memory/);
  expect(error?.remedy).toContain('batch_size');
});
