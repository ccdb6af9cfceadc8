import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { binarySources } from '../../server/binary-sources.js';
import { findBinary } from '../../server/find-binary.js';
import { startServer } from '../../server/start-server.js';

/** Suggests to continue as new after so many events of history; servers do so after 4,096. */
export const longAfter = (events: number): string => `limit.historyCount.suggestContinueAsNew=${events}`;

/** A Temporal server of its own for one test file. */
export interface TestServer {
  readonly address: string;
  readonly client: Client;
  readonly connection: NativeConnection;
  stop(): Promise<void>;
}

export async function startTestServer(settings: readonly string[] = []): Promise<TestServer> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const folder = mkdtempSync(join(tmpdir(), 'obsmith-server-'));
  const { path } = await findBinary(binarySources(process.env), (line) => console.error(line));
  const server = await startServer({ binary: path, logFile: join(folder, 'server.log'), settings });
  const connection = await NativeConnection.connect({ address: server.address });
  const clientConnection = await Connection.connect({ address: server.address });
  return {
    address: server.address,
    client: new Client({ connection: clientConnection }),
    connection,
    async stop() {
      await connection.close();
      await clientConnection.close();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
