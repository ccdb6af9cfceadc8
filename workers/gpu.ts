import { Worker } from '@temporalio/worker';
import { DeviceWatch } from '../activities/device-watch.js';
import { embedActivities } from '../activities/embed.js';
import type { Device } from '../core/inference/device.js';
import { built } from '../core/package-root.js';
import { runInProcess, stopIdleProcesses } from '../core/tasks/run-in-process.js';
import { type RunTask, runTask } from '../core/tasks/run-task.js';
import type { ServerSettings } from '../server/connection-settings.js';
import { deploymentOptions } from '../server/deployment.js';
import { queueNames } from '../server/queues.js';
import { runWorkers, SHUTDOWN_FORCE, SHUTDOWN_GRACE, type WorkerEnd } from './lifecycle.js';
import { connectWorker } from './runtime.js';

export interface GpuWorkerOptions extends WorkerEnd {
  /** Activities at once, default 1: a device has one. */
  readonly concurrency?: number;
  readonly server: ServerSettings;
  readonly metrics?: string;
  readonly versioned: boolean;
  readonly queuePrefix: string;
  readonly device: Device;
}

/**
 * Polls only `obsmith-gpu`, once its device has run a graph. Models on a GPU run in a process of their own, which is
 * replaced when the device fails. CudaDeviceError where it fails three times in a row: then the worker stops, and its work
 * goes to others. InvalidConfig where the device is not there.
 */
export async function runGpuWorker(options: GpuWorkerOptions): Promise<void> {
  const { device } = options;
  process.env.OBSMITH_DEVICE = device; // For threads and processes.
  const run = device === 'cpu' ? runTask : runInProcess;
  await run('probeDevice', { device });
  const lost = new AbortController();
  const watch = new DeviceWatch(device, (error) => lost.abort(error));
  const watched: RunTask = (name, input, taskOptions) => watch.observe(() => run(name, input, taskOptions));
  const { connection, namespace, logger, interceptors, close } = await connectWorker({ ...options, gpus: true });
  const queues = queueNames(options.queuePrefix);
  try {
    const gpu = await Worker.create({
      connection,
      namespace,
      interceptors,
      workerDeploymentOptions: deploymentOptions(queues.workflows, built('workflow-bundle.js'), options.versioned),
      taskQueue: queues.gpu,
      activities: { ...embedActivities(watched) },
      maxConcurrentActivityTaskExecutions: options.concurrency ?? 1,
      maxHeartbeatThrottleInterval: '5s',
      shutdownGraceTime: SHUTDOWN_GRACE,
      shutdownForceTime: SHUTDOWN_FORCE,
    });
    const signal = AbortSignal.any([options.signal, lost.signal]);
    await runWorkers([gpu], { ...options, signal }, logger);
    lost.signal.throwIfAborted();
  } finally {
    await close();
    await stopIdleProcesses();
  }
}
