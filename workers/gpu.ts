import { Worker } from '@temporalio/worker';
import { embedActivities } from '../activities/embed.js';
import { built } from '../core/package-root.js';
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
}

/** Polls only `obsmith-gpu`. */
export async function runGpuWorker(options: GpuWorkerOptions): Promise<void> {
  const { connection, namespace, logger, interceptors, close } = await connectWorker({ ...options, gpus: true });
  const queues = queueNames(options.queuePrefix);
  try {
    const gpu = await Worker.create({
      connection,
      namespace,
      interceptors,
      workerDeploymentOptions: deploymentOptions(queues.workflows, built('workflow-bundle.js'), options.versioned),
      taskQueue: queues.gpu,
      activities: { ...embedActivities },
      maxConcurrentActivityTaskExecutions: options.concurrency ?? 1,
      maxHeartbeatThrottleInterval: '5s',
      shutdownGraceTime: SHUTDOWN_GRACE,
      shutdownForceTime: SHUTDOWN_FORCE,
    });
    await runWorkers([gpu], options, logger);
  } finally {
    await close();
  }
}
