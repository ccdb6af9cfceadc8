import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { acquireLease, type Lease, type LeaseOwner, releaseLease, renewLease } from './lease.js';

let base: string;
const file = () => join(base, '.obsmith', 'pbmc.lease');
const owner = (name: string, changes: Partial<LeaseOwner> = {}): LeaseOwner => ({
  owner: name,
  server: 'localhost:7233',
  pid: null,
  ...changes,
});
const stored = async () => JSON.parse(await readFile(file(), 'utf8')) as Lease;
const held = (by: string) => ({ type: 'LeaseHeld', message: expect.stringContaining(`by ${by} on`) });

async function writeLease(changes: Partial<Lease>): Promise<void> {
  const lease = {
    owner: 'embed-old',
    host: 'node7',
    server: 'localhost:7233',
    pid: null,
    expires: inSeconds(100),
    ...changes,
  };
  await mkdir(join(base, '.obsmith'), { recursive: true });
  await writeFile(file(), JSON.stringify(lease));
}
const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-lease-'));
});
afterEach(() => rm(base, { recursive: true }));

test('a lease names its holder and lasts; others are refused by name', async () => {
  const lease = await acquireLease(base, 'pbmc', owner('embed-pbmc', { pid: process.pid }));
  expect(lease).toMatchObject({ owner: 'embed-pbmc', host: hostname(), server: 'localhost:7233', pid: process.pid });
  expect(Date.parse(lease.expires)).toBeGreaterThan(Date.now() + 60_000);
  expect(await stored()).toEqual(lease);
  await expect(acquireLease(base, 'pbmc', owner('other'))).rejects.toMatchObject(held('embed-pbmc'));
  await expect(acquireLease(base, 'pbmc', owner('embed-pbmc', { server: 'elsewhere:7233' }))).rejects.toMatchObject(
    held('embed-pbmc'),
  );
  await acquireLease(base, 'another data set', owner('other'));
});

test('the holder gets it again, renews it and gives it back', async () => {
  const first = await acquireLease(base, 'pbmc', owner('embed-pbmc'));
  await writeLease({ ...first, expires: inSeconds(5) });
  expect(Date.parse((await renewLease(base, 'pbmc', owner('embed-pbmc'))).expires)).toBeGreaterThan(
    Date.now() + 60_000,
  );
  await acquireLease(base, 'pbmc', owner('embed-pbmc'));
  await releaseLease(base, 'pbmc', owner('other'));
  expect((await stored()).owner).toBe('embed-pbmc');
  await releaseLease(base, 'pbmc', owner('embed-pbmc'));
  expect(await readdir(join(base, '.obsmith'))).toEqual([]);
  await acquireLease(base, 'pbmc', owner('other'));
});

test('one of many that ask at once gets it', async () => {
  const results = await Promise.allSettled(
    Array.from({ length: 30 }, (_, i) => acquireLease(base, 'pbmc', owner(`run-${i}`))),
  );
  expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
});

describe('takeover', () => {
  test('of an expired lease, by one of many', async () => {
    for (let round = 0; round < 20; round++) {
      await writeLease({ expires: inSeconds(-60) });
      const results = await Promise.allSettled(
        Array.from({ length: 10 }, (_, i) => acquireLease(base, 'pbmc', owner(`run-${i}`))),
      );
      const winners = results.filter((result) => result.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      expect(await stored()).toEqual(winners[0]!.value);
    }
    expect(await readdir(join(base, '.obsmith'))).toEqual(['pbmc.lease']);
  });

  test('not within the grace after its expiry', async () => {
    await writeLease({ expires: inSeconds(-2) });
    await expect(acquireLease(base, 'pbmc', owner('run'))).rejects.toMatchObject(held('embed-old'));
  });

  test('of a process of this host that ended, at once', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => child.once('exit', resolve));
    await writeLease({ host: hostname(), pid: child.pid! });
    expect(await acquireLease(base, 'pbmc', owner('run'))).toMatchObject({ owner: 'run' });
  });

  test('not of a process that runs, nor of one of another host', async () => {
    await writeLease({ host: hostname(), pid: process.pid });
    await expect(acquireLease(base, 'pbmc', owner('run'))).rejects.toMatchObject(held('embed-old'));
    await writeLease({ host: 'node7', pid: 1_000_000_000 });
    await expect(acquireLease(base, 'pbmc', owner('run'))).rejects.toMatchObject(held('embed-old'));
  });

  test('a guard left by a crash does not hold for ever', async () => {
    await writeLease({ expires: inSeconds(-60) });
    await writeFile(`${file()}.takeover`, 'crashed');
    const before = new Date(Date.now() - 60_000);
    await utimes(`${file()}.takeover`, before, before);
    expect(await acquireLease(base, 'pbmc', owner('run'))).toMatchObject({ owner: 'run' });
  });

  test('the former holder learns at its renewal that it lost the lease', async () => {
    await acquireLease(base, 'pbmc', owner('embed-pbmc'));
    await writeLease({ owner: 'embed-new' });
    await expect(renewLease(base, 'pbmc', owner('embed-pbmc'))).rejects.toMatchObject(held('embed-new'));
  });
});

test('a half-written lease is respected as long as a whole one, then taken over', async () => {
  await mkdir(join(base, '.obsmith'));
  await writeFile(file(), '{"owner": "emb');
  await expect(acquireLease(base, 'pbmc', owner('run'))).rejects.toMatchObject({ type: 'LeaseHeld' });
  const before = new Date(Date.now() - 600_000);
  await utimes(file(), before, before);
  expect(await acquireLease(base, 'pbmc', owner('run'))).toMatchObject({ owner: 'run' });
});
