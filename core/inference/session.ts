import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { ObsmithError } from '../errors.js';
import { type Device, executionProvider } from './device.js';
import { deviceError } from './device-error.js';
import { loadRuntime } from './runtime.js';

/** Values of a tensor, row-major. */
export interface TensorValues {
  readonly data: Float32Array | BigInt64Array;
  readonly dims: readonly number[];
}

/** A model graph that is ready to run, owned by the thread that opened it. */
export interface ModelSession {
  /** Shapes of inputs and outputs by name; a dimension that may vary is a name. */
  readonly shapes: ReadonlyMap<string, readonly (number | string)[]>;
  /** Runs one batch; outputs by name, all float. CudaOutOfMemory and CudaDeviceError where the device fails: then the process must end. */
  run(feeds: Readonly<Record<string, TensorValues>>): Promise<Readonly<Record<string, Float32Array>>>;
}

export interface GraphFile {
  /** Absolute path of the ONNX file. */
  readonly path: string;
  /** sha256 (hex) of its content: what names the session among those that are kept. */
  readonly sha256: string;
}

/** Sessions that a thread keeps for its next chunks: large models fill memory, and a run uses one or two. */
const KEPT_SESSIONS = 2;

const sessions = new Map<string, Promise<InferenceSession>>();

/**
 * Opens a graph on a device, or takes the session that this thread has kept. Every session has one execution provider:
 * a device that is not there is an error (InvalidConfig), never another device. ONNX Runtime blocks the calling thread
 * while a batch runs, so this belongs in the threads of tasks.
 * @param cpuThreads cores that a batch on the CPU may use; results have the same bits whatever their number. One where
 *   threads work on chunks side by side: sessions that took all cores would make them wait for each other.
 */
export async function openSession(graph: GraphFile, device: Device, cpuThreads = 1): Promise<ModelSession> {
  const key = `${device} ${graph.sha256}`;
  const session = await (sessions.get(key) ?? keep(key, create(graph, device, cpuThreads)));
  return {
    shapes: shapesOf(session),
    async run(feeds) {
      try {
        return floatsOf(await session.run(await tensorsOf(feeds)));
      } catch (cause) {
        const error = deviceError(device, cause, Object.values(feeds)[0]?.dims[0]);
        if (error === null) throw graphError('Internal', graph, cause);
        // It is not released: on a failed device that may crash or never return. The process ends, and all with it.
        sessions.delete(key);
        throw error;
      }
    },
  };
}

async function keep(key: string, opening: Promise<InferenceSession>): Promise<InferenceSession> {
  sessions.set(key, opening);
  try {
    const session = await opening;
    await closeOldest();
    return session;
  } catch (error) {
    sessions.delete(key);
    throw error;
  }
}

async function closeOldest(): Promise<void> {
  for (const [key, session] of sessions) {
    if (sessions.size <= KEPT_SESSIONS) return;
    sessions.delete(key);
    await (await session).release();
  }
}

async function create(graph: GraphFile, device: Device, cpuThreads: number): Promise<InferenceSession> {
  const { InferenceSession } = await loadRuntime();
  try {
    return await InferenceSession.create(graph.path, {
      executionProviders: [executionProvider(device)],
      intraOpNumThreads: cpuThreads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      // Waiting threads would take cores from the threads of other tasks.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
  } catch (cause) {
    throw deviceError(device, cause, 0) ?? graphError('MissingModel', graph, cause);
  }
}

function shapesOf({ inputMetadata, outputMetadata }: InferenceSession): ModelSession['shapes'] {
  const shapes = new Map<string, readonly (number | string)[]>();
  for (const value of [...inputMetadata, ...outputMetadata]) if (value.isTensor) shapes.set(value.name, value.shape);
  return shapes;
}

async function tensorsOf(feeds: Readonly<Record<string, TensorValues>>): Promise<Record<string, Tensor>> {
  const { Tensor } = await loadRuntime();
  return Object.fromEntries(Object.entries(feeds).map(([name, { data, dims }]) => [name, new Tensor(data, dims)]));
}

function floatsOf(outputs: InferenceSession.OnnxValueMapType): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data as Float32Array]));
}

function graphError(type: 'MissingModel' | 'Internal', { path }: GraphFile, cause: unknown): ObsmithError {
  return new ObsmithError({
    type,
    message: `ONNX Runtime cannot run ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
    remedy: 'Check the bundle with: obsmith models verify; make it anew with its script in scripts/export.',
    cause,
  });
}
