/** The from-th to to-th forward pass (of all processes of a case) of more than `rowsOver` rows fails. */
export interface PassFault {
  readonly from?: number;
  readonly to?: number;
  readonly rowsOver?: number;
  /** What ONNX Runtime says, or what stands on stderr of a process that crashes. */
  readonly message: string;
  readonly crash?: NodeJS.Signals;
}

/** The from-th to to-th opening of files whose path matches fails. */
export interface FileFault {
  readonly path: string;
  readonly code: string;
  readonly from?: number;
  readonly to?: number;
}

export interface FaultCase {
  readonly name: string;
  readonly passes?: readonly PassFault[];
  readonly files?: readonly FileFault[];
  /** Chunks of the data set, default 1; one is open at a time. */
  readonly chunks?: number;
  /** Fixture that is every chunk, default pbmc-24/chunk_0.zarr. */
  readonly input?: 'good' | 'fractional counts';
}

/** Cells per batch that every case begins with. */
export const BATCH_SIZE = 16;

const OUT_OF_MEMORY =
  "Non-zero status code returned while running Gemm node. Name:'node_linear' Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*, bool, onnxruntime::WaitNotificationFn) Failed to allocate memory for requested buffer of size 4294967296";
const ILLEGAL_ACCESS =
  'CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; hostname=node ; expr=cudaStreamSynchronize(static_cast<cudaStream_t>(stream_));';
const ABORTED = `terminate called after throwing an instance of 'onnxruntime::OnnxRuntimeException'\n  what():  ${ILLEGAL_ACCESS}`;

/** The part of a message that says what is wrong. */
const FULL_MEMORY = OUT_OF_MEMORY.slice(OUT_OF_MEMORY.indexOf('Failed to allocate'));

const once = (message: string): FaultCase => ({ name: message, passes: [{ from: 2, to: 2, message }] });

const ROW_BLOCKS = String.raw`/X_scvi_fm/attempt-[^/]+/array/\.\d`;
const COUNTS = 'processed/.*/layers/counts/data/0$';
const store = (code: string, path = ROW_BLOCKS, from = 1): FaultCase => ({
  name: `${code} ${path === COUNTS ? 'reading counts that were read before' : 'writing a row block'}`,
  files: [{ path, code, from, to: from + 1 }],
});

export const CASES = {
  none: { name: 'none' },
  outOfMemory: {
    name: `${FULL_MEMORY} (over 4 rows)`,
    passes: [{ rowsOver: 4, message: OUT_OF_MEMORY }],
    chunks: 2,
  },
  neverFits: { name: `${FULL_MEMORY} (always)`, passes: [{ message: OUT_OF_MEMORY }] },
  illegalAccess: once(ILLEGAL_ACCESS),
  cublas: once('CUBLAS failure 13: CUBLAS_STATUS_EXECUTION_FAILED ; GPU=0 ; hostname=node'),
  cudnn: once('CUDNN failure 8: CUDNN_STATUS_EXECUTION_FAILED ; GPU=0 ; hostname=node'),
  driver: once('CUDA failure 3: initialization error ; GPU=0 ; hostname=node ; expr=cudaSetDevice(GetDeviceId());'),
  webgpu: once("Failed to download data from buffer: Failed to execute 'mapAsync' on 'GPUBuffer': [Device] is lost."),
  aborted: { name: `SIGABRT: ${ILLEGAL_ACCESS}`, passes: [{ from: 2, to: 2, message: ABORTED, crash: 'SIGABRT' }] },
  segmentationFault: { name: 'SIGSEGV', passes: [{ from: 2, to: 2, message: '', crash: 'SIGSEGV' }] },
  broken: { name: `${ILLEGAL_ACCESS.slice(0, 59)} (always)`, passes: [{ message: ILLEGAL_ACCESS }] },
  graph: {
    name: 'Got invalid dimensions for input: counts (always)',
    passes: [
      { message: 'Got invalid dimensions for input: counts for the following indices index: 1 Got: 3 Expected: 300' },
    ],
  },
  badInput: { name: 'counts that are no whole numbers', input: 'fractional counts' },
  ESTALE: store('ESTALE'),
  EIO: store('EIO'),
  EBUSY: store('EBUSY'),
  EAGAIN: store('EAGAIN'),
  ENOSPC: store('ENOSPC'),
  EACCES: store('EACCES'),
  permissionLost: store('EACCES', COUNTS, 2),
} satisfies Record<string, FaultCase>;
