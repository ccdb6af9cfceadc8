import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ServerSettings } from './connection-settings.js';
import { baseFolders, DEFAULT_ADDRESS, findServer, workerServer } from './find-server.js';
import { recordServer } from './server-file.js';

const asked: string[] = [];
const probe =
  (answering: string[]) =>
  async ({ address }: ServerSettings) => {
    asked.push(address);
    return answering.includes(address) ? null : { message: `${address} is down`, remedy: 'Start it.' };
  };
const HOME = tmpdir();
const GONE_PID = 2 ** 22 + 1;

let base: string;
beforeEach(async () => {
  asked.length = 0;
  base = await mkdtemp(join(tmpdir(), 'obsmith-server-'));
});
afterEach(() => rm(base, { recursive: true }));

async function leaveRecord(record: object): Promise<void> {
  await mkdir(join(base, '.obsmith'), { recursive: true });
  await writeFile(join(base, '.obsmith/server.json'), JSON.stringify(record));
}

describe('findServer', () => {
  it('takes TEMPORAL_ADDRESS first, without looking anywhere else', async () => {
    await recordServer(base, 'login1:7233');
    const env = { TEMPORAL_ADDRESS: 'server:7233', TEMPORAL_NAMESPACE: 'cells', HOME };
    expect(await findServer(env, probe(['server:7233', 'login1:7233', DEFAULT_ADDRESS]), [base])).toEqual({
      settings: { address: 'server:7233', namespace: 'cells' },
      configured: true,
    });
    expect(asked).toEqual(['server:7233']);
  });

  it('takes the server that the base folder names next', async () => {
    await recordServer(base, 'login1:7233');
    const found = await findServer({ HOME }, probe(['login1:7233', DEFAULT_ADDRESS]), ['/nowhere', base]);
    expect(found).toEqual({
      settings: { address: 'login1:7233', namespace: 'default' },
      configured: false,
    });
    expect(asked).toEqual(['login1:7233']);
    expect((await workerServer({ HOME }, [base])).address).toBe('login1:7233');
    expect((await workerServer({ HOME, TEMPORAL_ADDRESS: 'server:7233' }, [base])).address).toBe('server:7233');
  });

  it('takes a server on the default port last, and none otherwise', async () => {
    expect(await findServer({ HOME }, probe([DEFAULT_ADDRESS]), [base])).toEqual({
      settings: { address: DEFAULT_ADDRESS, namespace: 'default' },
      configured: false,
    });
    expect(await findServer({ HOME }, probe([]), [base])).toBeNull();
    expect((await workerServer({ HOME }, [base])).address).toBe(DEFAULT_ADDRESS);
  });

  it('does not replace a configured server that is down, but says what to do', async () => {
    const env = { TEMPORAL_ADDRESS: 'server:7233', HOME };
    await expect(findServer(env, probe([DEFAULT_ADDRESS]), [base])).rejects.toMatchObject({
      type: 'StoreUnavailable',
      message: expect.stringContaining('server:7233'),
      remedy: expect.stringContaining('unset TEMPORAL_ADDRESS'),
    });
  });

  it('does not replace a recorded server of another host that is down', async () => {
    await leaveRecord({ address: 'login1:7233', host: 'login1', pid: 1, started: '2030-01-31T06:00:00.000Z' });
    await expect(findServer({ HOME }, probe([DEFAULT_ADDRESS]), [base])).rejects.toMatchObject({
      type: 'StoreUnavailable',
      message: expect.stringMatching(/login1:7233 is down.*obsmith dev.*login1.*server\.json.*2030-01-31/),
      remedy: expect.stringContaining(`rm ${join(base, '.obsmith/server.json')}`),
    });
  });

  it('passes over a record that a crash left behind on this host, and one that is no record', async () => {
    for (const record of [{ address: 'login1:7233', host: hostname(), pid: GONE_PID }, { adress: 'typo:1' }, null]) {
      await leaveRecord(record as object);
      expect(await findServer({ HOME }, probe(['login1:7233']), [base])).toBeNull();
    }
  });
});

describe('recordServer', () => {
  it('takes its record back, but not that of a server started later', async () => {
    const file = join(base, '.obsmith/server.json');
    const forget = await recordServer(base, 'login1:7233');
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ address: 'login1:7233', pid: process.pid });
    await forget();
    await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
    const forgetOld = await recordServer(base, 'login1:7233');
    await leaveRecord({ address: 'login2:7233', host: 'login2', pid: 1, started: '' });
    await forgetOld();
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ host: 'login2' });
  });
});

describe('baseFolders', () => {
  it('are the one that a command knows, BASE_FILE_PATH, and the working directory', () => {
    expect(baseFolders({ BASE_FILE_PATH: '/shared' }, '/here', '/known')).toEqual(['/known', '/shared', '/here']);
    expect(baseFolders({ BASE_FILE_PATH: '' }, '/here')).toEqual(['/here']);
  });
});
