import { loadClientConnectConfig } from '@temporalio/envconfig';
import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime } from '@temporalio/worker';
import { type Logger, pino } from 'pino';
import { ObsmithError } from '../core/errors.js';

/** A connection with what workers on it share. */
export interface WorkerConnection {
  readonly connection: NativeConnection;
  readonly namespace: string;
  /** Address and namespace, as leases name the server. */
  readonly server: string;
  readonly logger: Logger;
}

/** Connects as TEMPORAL_* variables or the Temporal configuration file say, and sends all logs to stderr as JSON lines. */
export async function connectWorker(): Promise<WorkerConnection> {
  const logger = pino(
    { name: 'obsmith', errorKey: 'error', level: process.env.OBSMITH_LOG_LEVEL ?? 'info' },
    pino.destination(2),
  );
  Runtime.install({
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      logger[level.toLowerCase() as 'trace' | 'debug' | 'info' | 'warn' | 'error'](meta ?? {}, message);
    }),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'WARN' }), forward: {} } },
    shutdownSignals: [],
  });
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
  const address = connectionOptions.address ?? 'localhost:7233';
  try {
    const connection = await NativeConnection.connect(connectionOptions);
    return { connection, namespace, server: `${address}/${namespace}`, logger };
  } catch (cause) {
    throw new ObsmithError({
      type: 'StoreUnavailable',
      message: `No Temporal server answers at ${address}`,
      remedy: 'Start one with `obsmith dev`, or set TEMPORAL_ADDRESS to a server that runs.',
      cause,
    });
  }
}
