import { Connection } from '@temporalio/client';
import type { Problem } from '../core/errors.js';
import type { ServerSettings } from './connection-settings.js';

const TIMEOUT_MS = 5_000;

/** gRPC status codes. */
const CODES = { notFound: 5, permissionDenied: 7, unauthenticated: 16 } as const;

/** Null where a Temporal server answers with these settings and knows the namespace; else what is wrong. */
export async function probeServer(settings: ServerSettings, timeoutMs = TIMEOUT_MS): Promise<Problem | null> {
  const { address, namespace, ...credentials } = settings;
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ address, ...credentials, connectTimeout: timeoutMs });
    const { workflowService } = connection;
    await connection.withDeadline(Date.now() + timeoutMs, () => workflowService.describeNamespace({ namespace }));
    return null;
  } catch (error) {
    return problemOf(error, settings);
  } finally {
    await connection?.close();
  }
}

function problemOf(error: unknown, { address, namespace, tls }: ServerSettings): Problem {
  const at = `Temporal server at ${address}`;
  const code = codeOf(error);
  if (code === CODES.notFound) {
    return {
      message: `The ${at} has no namespace ${namespace}`,
      remedy: `Correct TEMPORAL_NAMESPACE, or create it: temporal operator namespace create ${namespace}`,
    };
  }
  if (code === CODES.permissionDenied || code === CODES.unauthenticated) {
    return {
      message: `The ${at} refuses these credentials for namespace ${namespace}: ${reasonOf(error)}`,
      remedy: 'Check TEMPORAL_API_KEY or the client certificate (TEMPORAL_TLS_CLIENT_CERT_PATH and _KEY_PATH).',
    };
  }
  return {
    message: `No ${at} answers ${tls ? 'with' : 'without'} TLS: ${reasonOf(error)}`,
    remedy: tls
      ? 'Start it or correct TEMPORAL_ADDRESS; for a certificate of your own authority set TEMPORAL_TLS_SERVER_CA_CERT_PATH, for another host name TEMPORAL_TLS_SERVER_NAME.'
      : 'Start it (`obsmith dev`), or correct TEMPORAL_ADDRESS; a server with TLS needs TEMPORAL_TLS=true.',
  };
}

const codeOf = (error: unknown): number | undefined =>
  ((error as Error).cause as { code?: number } | undefined)?.code ?? (error as { code?: number }).code;

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message} (${cause.message})` : message;
}
