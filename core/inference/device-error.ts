import { invalidConfig, ObsmithError } from '../errors.js';
import type { Device } from './device.js';

type Meaning = 'out of memory' | 'not there' | 'graph' | 'failed';

/**
 * What ONNX Runtime, CUDA, cuBLAS, cuDNN and Dawn say, and what it means; the first that matches counts. Real messages of
 * each stand in the tests. Codes are the CUDA runtime's ("CUDA failure 700: an illegal memory access was encountered").
 */
const MEANINGS: readonly (readonly [Meaning, RegExp])[] = [
  // A smaller batch may fit. Dawn only says that a buffer is invalid where it could not be allocated.
  [
    'out of memory',
    /out[ _]of[ _](?:device[ _])?memory|OutOfMemory|(?:CU(?:BLAS|DNN|SPARSE|FFT)_(?:STATUS_)?|DEVICE_)ALLOC(?:ATION)?_FAILED/i,
  ],
  [
    'out of memory',
    /Failed to allocate memory for requested buffer|AllocateRawInternal|is smaller than requested bytes|CUDA failure 2:/i,
  ],
  ['out of memory', /exceeds the max buffer size limit|Invalid Buffer .*due to a previous error/i],
  // No device, driver or provider library that fits: another attempt finds the same.
  [
    'not there',
    /Failed to load (?:shared |dynamic )?library|AppendExecutionProvider|backend not found|no available backend|not enabled in this build/i,
  ],
  [
    'not there',
    /Failed to get a WebGPU adapter|no CUDA-capable device|CUDA_ERROR_NO_DEVICE|invalid device ordinal|driver version is insufficient/i,
  ],
  [
    'not there',
    /no kernel image is available|ARCH_MISMATCH|stub library|unsupported display driver|forward compatibility was attempted/i,
  ],
  // The graph or its input, not the device.
  [
    'graph',
    /CUBLAS_STATUS_(?:INVALID_VALUE|NOT_SUPPORTED)|CUDNN_STATUS_(?:BAD_PARAM|NOT_SUPPORTED|INVALID_VALUE)|CUDA failure 1:/i,
  ],
  // The context is lost with its process: launch failures, illegal access, ECC errors, driver initialisation, device lost.
  [
    'failed',
    /\bCUDA(?:_ERROR| error| failure| driver|-capable device)|\bCU(?:BLAS|DNN|FFT|RAND|SPARSE)(?:_STATUS| error| failure)|cudaError/i,
  ],
  ['failed', /device(?:\])? (?:was |is )?lost|DEVICE_LOST|Instance reference no longer exists|MapAsyncStatus/i],
  [
    'failed',
    /illegal memory access|unspecified launch failure|uncorrectable ECC|GPU (?:is lost|has fallen off the bus)|\bXid\b/i,
  ],
];

/**
 * What an error of ONNX Runtime on a GPU means: InvalidConfig where the device is not there or its provider cannot be
 * loaded, CudaOutOfMemory where a smaller batch may fit, CudaDeviceError where the device must be opened anew, in another
 * process. Null for errors that are not the device's.
 * @param cells of the batch that ran, 0 while a model is opened: what did not fit
 */
export function deviceError(device: Device, cause: unknown, cells?: number): ObsmithError | null {
  if (device === 'cpu') return null;
  const message = cause instanceof Error ? cause.message : String(cause);
  const said = firstLine(message);
  switch (meaningOf(message)) {
    case 'out of memory':
      return new ObsmithError({
        type: 'CudaOutOfMemory',
        message: `CUDA out of memory on ${device}: ${said}`,
        remedy: 'Lower batch_size, or end what else uses the device (nvidia-smi lists it).',
        ...(cells === undefined ? {} : { batchSize: cells }),
        cause,
      });
    case 'not there':
      return invalidConfig(`Device ${device} cannot be used: ${said}`, providerRemedy(device));
    case 'failed':
      return deviceFailed(device, said, cause);
    default:
      return null;
  }
}

/** A device that has to be opened anew, in another process, as its context does not heal. */
export function deviceFailed(device: Device, said: string, cause?: unknown): ObsmithError {
  return new ObsmithError({
    type: 'CudaDeviceError',
    message: `The device failed on ${device}: ${said}`,
    remedy: 'The attempt is repeated in a new process; where it fails again and again, look at: nvidia-smi -q',
    cause,
  });
}

const meaningOf = (message: string): Meaning | null =>
  MEANINGS.find(([, pattern]) => pattern.test(message))?.[0] ?? null;

function providerRemedy(device: Device): string {
  if (device === 'webgpu') return 'Install a Vulkan driver and loader (libvulkan1), or use --device cpu.';
  return 'Add CUDA to ONNX Runtime with: ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node (needs CUDA 12 and cuDNN 9; obsmith doctor looks for them), or use --device cpu.';
}

const firstLine = (message: string): string => message.trim().split('\n')[0]!.slice(0, 300);
