import { Worker } from '@temporalio/worker';
import { cpuActivities } from '../activities/cpu.js';
import { handBack } from '../activities/hand-back.js';
import { lightActivities } from '../activities/light.js';
import { built } from '../core/package-root.js';
import type { ServerSettings } from '../server/connection-settings.js';
import { deploymentOptions } from '../server/deployment.js';
import { queueNames } from '../server/queues.js';
import { registerSearchAttributes } from '../server/search-attributes.js';
import { activitySlots } from './activity-slots.js';
import { runWorkers, SHUTDOWN_FORCE, SHUTDOWN_GRACE, type WorkerEnd } from './lifecycle.js';
import { connectWorker } from './runtime.js';
import { announceVersion } from './versioning.js';

export interface CpuWorkerOptions extends WorkerEnd {
  /** Threads that compute at once on `obsmith-cpu` where memory suffices. */
  readonly threads: number;
  readonly server: ServerSettings;
  readonly metrics?: string;
  /** Workflows go only to workers of the deployment's current version. */
  readonly versioned: boolean;
  readonly queuePrefix: string;
  /** Process whose end ends all runs of this worker; null where runs outlive it. */
  readonly embeddedIn: number | null;
}

/** Two places of each run are taken by the activities that last as long as it does. */
const LIGHT_ACTIVITIES = 8;
/** Root, batches, and the chunks of two waves with the default window. */
const CACHED_WORKFLOWS = 256;

/** Polls `obsmith` (workflows and light activities) and `obsmith-cpu`. */
export async function runCpuWorker(options: CpuWorkerOptions): Promise<void> {
  const { connection, namespace, server, logger, interceptors, close } = await connectWorker({
    ...options,
    gpus: false,
  });
  const queues = queueNames(options.queuePrefix);
  const searchAttributes = await registerSearchAttributes(connection, namespace);
  if (!searchAttributes) logger.warn('The server refuses search attributes; runs go on without.');
  const shutdown = new AbortController();
  const identity = {
    ...{ server, pid: options.embeddedIn, searchAttributes },
    ...{ queuePrefix: options.queuePrefix, shutdown: shutdown.signal },
  };
  const bundle = built('workflow-bundle.js');
  const workerDeploymentOptions = deploymentOptions(queues.workflows, bundle, options.versioned);
  const common = {
    connection,
    namespace,
    interceptors,
    workerDeploymentOptions,
    shutdownGraceTime: SHUTDOWN_GRACE,
    shutdownForceTime: SHUTDOWN_FORCE,
  };
  try {
    const light = await Worker.create({
      ...common,
      taskQueue: queues.workflows,
      workflowBundle: { codePath: bundle },
      workflowThreadPoolSize: 1,
      maxCachedWorkflows: CACHED_WORKFLOWS,
      activities: lightActivities(identity),
      maxConcurrentActivityTaskExecutions: LIGHT_ACTIVITIES,
      // A run ends when its lease is released, and that waits for a heartbeat.
      maxHeartbeatThrottleInterval: '1s',
    });
    const cpu = await Worker.create({
      ...common,
      taskQueue: queues.cpu,
      activities: cpuActivities,
      tuner: activitySlots(options.threads),
      maxHeartbeatThrottleInterval: '5s',
    });
    if (options.versioned) void announceVersion(connection, namespace, workerDeploymentOptions, options.signal, logger);
    await runWorkers([light, cpu], { ...options, onStop: () => shutdown.abort(handBack()) }, logger);
  } finally {
    await close();
  }
}
