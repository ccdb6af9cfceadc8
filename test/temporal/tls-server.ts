import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';

/** Certificates for server.obsmith.test and client.obsmith.test, of an authority of their own. */
export const tlsFile = (name: string): string => join(import.meta.dirname, '../fixtures/tls', name);

/** The only namespace of the server below. */
export const NAMESPACE = 'cells';

export interface TlsServer {
  readonly address: string;
  /** Headers of every call. */
  readonly calls: Metadata[];
  stop(): void;
}

/** What a Temporal server answers while a connection is made, behind TLS: it asks for a client certificate, and takes one API key. */
export async function startTlsServer(apiKey: string | null): Promise<TlsServer> {
  const calls: Metadata[] = [];
  const unary = (path: string, answer: (request: Buffer) => number | null) => ({
    path: `/temporal.api.workflowservice.v1.WorkflowService/${path}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (bytes: Buffer) => bytes,
    responseDeserialize: (bytes: Buffer) => bytes,
    handle({ metadata, request }: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void {
      calls.push(metadata);
      const allowed = apiKey === null || metadata.get('authorization')[0] === `Bearer ${apiKey}`;
      const code = allowed ? answer(request) : status.UNAUTHENTICATED;
      // An empty message is valid and has every field's default.
      if (code === null) done(null, Buffer.alloc(0));
      else done({ code, details: 'refused by the test server' });
    },
  });
  const methods = {
    getSystemInfo: unary('GetSystemInfo', () => null),
    describeNamespace: unary('DescribeNamespace', (request) => (request.includes(NAMESPACE) ? null : status.NOT_FOUND)),
  };
  const server = new Server();
  server.addService(methods, Object.fromEntries(Object.entries(methods).map(([name, { handle }]) => [name, handle])));
  const pair = { cert_chain: readFileSync(tlsFile('server.pem')), private_key: readFileSync(tlsFile('server.key')) };
  const credentials = ServerCredentials.createSsl(readFileSync(tlsFile('ca.pem')), [pair], true);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  return { address: `127.0.0.1:${port}`, calls, stop: () => server.forceShutdown() };
}
