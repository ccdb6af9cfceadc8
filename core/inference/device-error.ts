import { invalidConfig, ObsmithError } from '../errors.js';
import type { Device } from './device.js';

const OUT_OF_MEMORY =
  /out of memory|OUT_OF_MEMORY|OutOfMemory|CU(?:BLAS|DNN|SPARSE)_STATUS_ALLOC_FAILED|failed to allocate memory|AllocateRawInternal/i;
const PROVIDER_MISSING =
  /Failed to load (?:shared )?library|AppendExecutionProvider|backend not found|no available backend|not enabled in this build|Failed to get a WebGPU adapter|CUDA_ERROR_NO_DEVICE|no CUDA-capable device|invalid device ordinal|driver version is insufficient/i;
const DEVICE_FAILED =
  /\bCUDA(?:_ERROR| error| failure)|CU(?:BLAS|DNN|FFT|RAND|SPARSE)(?:_STATUS| error| failure)|cudaError|device (?:was |is )?lost|illegal memory access|Xid\b/i;

/**
 * What an error of ONNX Runtime on a GPU means: InvalidConfig where the device is not there or its provider cannot be
 * loaded, CudaOutOfMemory where a smaller batch may fit, CudaDeviceError where the device must be opened anew. Null for
 * errors that are not the device's.
 */
export function deviceError(device: Device, cause: unknown): ObsmithError | null {
  if (device === 'cpu') return null;
  const message = cause instanceof Error ? cause.message : String(cause);
  const said = `on ${device}: ${firstLine(message)}`;
  if (OUT_OF_MEMORY.test(message)) {
    return new ObsmithError({
      type: 'CudaOutOfMemory',
      message: `CUDA out of memory ${said}`,
      remedy: 'Lower batch_size, or end what else uses the device (nvidia-smi lists it).',
      cause,
    });
  }
  if (PROVIDER_MISSING.test(message)) {
    return invalidConfig(`Device ${device} cannot be used: ${firstLine(message)}`, providerRemedy(device));
  }
  if (!DEVICE_FAILED.test(message)) return null;
  return new ObsmithError({
    type: 'CudaDeviceError',
    message: `The device failed ${said}`,
    remedy: 'The attempt is repeated with the device opened anew; if it fails again, look at: nvidia-smi -q',
    cause,
  });
}

function providerRemedy(device: Device): string {
  if (device === 'webgpu') return 'Install a Vulkan driver and loader (libvulkan1), or use --device cpu.';
  return 'Add CUDA to ONNX Runtime with: ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node (needs CUDA 12 and cuDNN 9; obsmith doctor looks for them), or use --device cpu.';
}

const firstLine = (message: string): string => message.trim().split('\n')[0]!.slice(0, 300);
