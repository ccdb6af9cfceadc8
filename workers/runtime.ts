import { makeTelemetryFilterString, NativeConnection, Runtime, type WorkerOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { invalidConfig } from '../core/errors.js';
import type { ServerSettings } from '../server/connection-settings.js';
import { serverProblem } from '../server/find-server.js';
import { probeServer } from '../server/probe-server.js';
import { sampleMachine } from '../telemetry/machine-samples.js';
import { activityMeters, HISTOGRAM_BOUNDS, machineMeters } from '../telemetry/meters.js';
import { observeActivities } from '../telemetry/observe-activities.js';
import { WorkerLog } from '../telemetry/worker-log.js';

export interface RuntimeOptions {
  readonly server: ServerSettings;
  /** Where Prometheus metrics are served, "127.0.0.1:9464"; absent: nowhere. */
  readonly metrics?: string;
  /** NVIDIA GPUs are sampled, too. */
  readonly gpus: boolean;
}

/** A connection with what workers on it share. */
export interface WorkerConnection {
  readonly connection: NativeConnection;
  readonly namespace: string;
  /** Address and namespace, as leases name the server. */
  readonly server: string;
  readonly logger: Logger;
  /** Logs and measures every activity of a worker. */
  readonly interceptors: NonNullable<WorkerOptions['interceptors']>;
  /** Closes the connection when the workers have ended, and writes the last lines. */
  close(): Promise<void>;
}

/** Connects to a server, after looking whether it can be used; logs go to stderr and to the folders of runs. */
export async function connectWorker({ server: settings, metrics, gpus }: RuntimeOptions): Promise<WorkerConnection> {
  const { address, namespace, ...credentials } = settings;
  // Before the SDK's runtime is there, which would keep the process from ending.
  const problem = await probeServer(settings);
  if (problem !== null) throw serverProblem(problem);
  const log = new WorkerLog(process.env.OBSMITH_LOG_LEVEL ?? 'info');
  const { metricMeter } = installRuntime(log, metrics);
  const connection = await NativeConnection.connect({ address, ...credentials });
  const stopSampling = metrics === undefined ? () => {} : sampleMachine(machineMeters(metricMeter), gpus);
  return {
    connection,
    namespace,
    server: `${address}/${namespace}`,
    logger: log.logger,
    interceptors: { activity: [observeActivities(log, activityMeters(metricMeter))] },
    async close() {
      stopSampling();
      await connection.close();
      await log.flush();
    },
  };
}

function installRuntime(log: WorkerLog, metrics: string | undefined): Runtime {
  try {
    return Runtime.install({
      logger: log.forTemporal(),
      telemetryOptions: {
        logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'WARN' }), forward: {} },
        ...(metrics === undefined ? {} : { metrics: { prometheus: prometheus(metrics), attachServiceName: false } }),
      },
      shutdownSignals: [],
    });
  } catch (error) {
    if (metrics === undefined) throw error;
    throw invalidConfig(
      `Metrics cannot be served at ${metrics}: ${(error as Error).message}`,
      'Give each worker on this machine a free port of its own: --metrics 9465',
    );
  }
}

const prometheus = (bindAddress: string) => ({
  ...{ bindAddress, countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true },
  histogramBucketOverrides: { ...HISTOGRAM_BOUNDS },
});
