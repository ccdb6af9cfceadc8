import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectTo } from '../client/connect.js';
import { NAMESPACE, startTlsServer, type TlsServer, tlsFile } from '../test/temporal/tls-server.js';
import { connectionSettings, embeddedEnvironment, type ServerSettings } from './connection-settings.js';
import { findServer } from './find-server.js';
import { probeServer } from './probe-server.js';

const KEY = 'secret-of-this-test';
let server: TlsServer;
let folder: string;
/** All that reaches the server. */
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  server = await startTlsServer(KEY);
  folder = await mkdtemp(join(tmpdir(), 'obsmith-connection-'));
});
afterAll(async () => {
  server.stop();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  server.calls.length = 0;
  env = {
    HOME: folder,
    TEMPORAL_ADDRESS: server.address,
    TEMPORAL_NAMESPACE: NAMESPACE,
    TEMPORAL_API_KEY: KEY,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: tlsFile('ca.pem'),
    TEMPORAL_TLS_CLIENT_CERT_PATH: tlsFile('client.pem'),
    TEMPORAL_TLS_CLIENT_KEY_PATH: tlsFile('client.key'),
    TEMPORAL_TLS_SERVER_NAME: 'server.obsmith.test',
    TEMPORAL_GRPC_META_TEAM: 'atlas',
  };
});

const settingsOf = (variables: NodeJS.ProcessEnv) => connectionSettings(variables) as ServerSettings;
const profile = () => `[profile.lab]
address = "${server.address}"
namespace = "${NAMESPACE}"
api_key = "${KEY}"
[profile.lab.tls]
server_name = "server.obsmith.test"
server_ca_cert_path = "${tlsFile('ca.pem')}"
client_cert_path = "${tlsFile('client.pem')}"
client_key_path = "${tlsFile('client.key')}"
`;

describe('TLS, client certificate, API key and headers', () => {
  it('reach the server from client connections', async () => {
    const connected = await connectTo((await findServer(env, probeServer, []))!.settings);
    await connected.client.connection.workflowService.describeNamespace({ namespace: NAMESPACE });
    await connected.close();
    expect(connected).toMatchObject({ address: server.address, namespace: NAMESPACE });
    expect(server.calls.length).toBeGreaterThan(2);
    for (const headers of server.calls)
      expect(headers.getMap()).toMatchObject({ authorization: `Bearer ${KEY}`, team: 'atlas' });
  });

  it("reach the server from workers' connections", async () => {
    const { namespace, ...options } = settingsOf(env);
    const connection = await NativeConnection.connect(options);
    await connection.workflowService.describeNamespace({ namespace });
    await connection.close();
    expect(server.calls.at(-1)?.getMap()).toMatchObject({ authorization: `Bearer ${KEY}`, team: 'atlas' });
  });

  it('may stand in a profile of the Temporal configuration file', async () => {
    const file = join(folder, 'temporal.toml');
    await writeFile(file, profile());
    const found = await findServer(
      { HOME: folder, TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'lab' },
      probeServer,
      [],
    );
    expect(found).toMatchObject({ configured: true, settings: { address: server.address, namespace: NAMESPACE } });
  });

  it('stands behind variables where both name something', async () => {
    await writeFile(join(folder, 'temporal.toml'), profile());
    const settings = connectionSettings({
      HOME: folder,
      TEMPORAL_CONFIG_FILE: join(folder, 'temporal.toml'),
      TEMPORAL_PROFILE: 'lab',
      TEMPORAL_NAMESPACE: 'other',
    });
    expect(settings.namespace).toBe('other');
  });
});

describe('what is wrong is named with address and remedy, and without secrets', () => {
  const wrong: [string, NodeJS.ProcessEnv, RegExp, RegExp][] = [
    ['no TLS', { TEMPORAL_TLS: 'false' }, /answers without TLS/, /TEMPORAL_TLS=true/],
    ['another authority', { TEMPORAL_TLS_SERVER_CA_CERT_PATH: undefined }, /answers with TLS/, /SERVER_CA_CERT_PATH/],
    ['another host', { TEMPORAL_TLS_SERVER_NAME: 'x.test' }, /answers with TLS/, /TEMPORAL_TLS_SERVER_NAME/],
    ['another key', { TEMPORAL_API_KEY: `${KEY}-not` }, /refuses these credentials/, /TEMPORAL_API_KEY/],
    ['another namespace', { TEMPORAL_NAMESPACE: 'x' }, /has no namespace x/, /namespace create x/],
  ];
  it.each(wrong)('%s', async (_, change, message, remedy) => {
    const settings = settingsOf({ ...env, ...change });
    const problem = await probeServer(settings, 1_500);
    expect(problem?.message).toMatch(message);
    expect(problem?.message).toContain(server.address);
    expect(problem?.remedy).toMatch(remedy);
    expect(JSON.stringify(problem)).not.toContain(KEY);
  });

  const unreadable: [string, NodeJS.ProcessEnv, RegExp][] = [
    ['a missing file', { TEMPORAL_CONFIG_FILE: '/no/temporal.toml' }, /names \/no\/temporal.toml/],
    ['a missing profile', { TEMPORAL_PROFILE: 'none' }, /Profile 'none' not found/],
    ['a missing certificate', { TEMPORAL_TLS_SERVER_CA_CERT_PATH: '/no/ca.pem' }, /no such file.*\/no\/ca.pem/],
    ['half of a pair', { TEMPORAL_TLS_CLIENT_KEY_PATH: undefined }, /certificate without its key/],
  ];
  it.each(unreadable)('%s', (_, change, message) => {
    expect(() => connectionSettings({ ...env, ...change })).toThrow(
      expect.objectContaining({ type: 'InvalidConfig', message: expect.stringMatching(message) }),
    );
  });
});

it('a server that was started for a run gets neither credentials nor TLS', () => {
  expect(connectionSettings(embeddedEnvironment(env, '127.0.0.1:9'))).toEqual({
    address: '127.0.0.1:9',
    namespace: 'default',
    tls: false,
  });
});
