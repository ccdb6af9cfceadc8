import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime } from '@temporalio/worker';
import { type Logger, pino } from 'pino';
import type { ServerSettings } from '../server/connection-settings.js';
import { serverProblem } from '../server/find-server.js';
import { probeServer } from '../server/probe-server.js';

/** A connection with what workers on it share. */
export interface WorkerConnection {
  readonly connection: NativeConnection;
  readonly namespace: string;
  /** Address and namespace, as leases name the server. */
  readonly server: string;
  readonly logger: Logger;
}

/** Connects to a server, after looking whether it can be used, and sends all logs to stderr as JSON lines. */
export async function connectWorker(settings: ServerSettings): Promise<WorkerConnection> {
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
  const { address, namespace, ...credentials } = settings;
  const problem = await probeServer(settings);
  if (problem !== null) throw serverProblem(problem);
  const connection = await NativeConnection.connect({ address, ...credentials });
  return { connection, namespace, server: `${address}/${namespace}`, logger };
}
