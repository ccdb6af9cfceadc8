import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ObsmithError } from '../../errors.js';
import { QUIET } from '../../tasks/types.js';
import { writeFileAtomic } from '../zarr-write/atomic-file.js';
import { withChunkLock } from './chunk-lock.js';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-lock-'));
  file = join(folder, 'a/b.zarr.lock');
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

/** A lock of a process on another host, of which only its silence tells. */
async function lockElsewhere(): Promise<void> {
  await withChunkLock(file, QUIET, async () => {});
  await writeFile(file, JSON.stringify({ token: 'other', host: 'elsewhere', pid: 1 }));
}

describe('withChunkLock', () => {
  it('lets one publisher in at a time, and leaves nothing behind', async () => {
    let inside = 0;
    const work = async () => {
      expect(++inside).toBe(1);
      await sleep(5);
      inside--;
      return 'done';
    };
    const results = await Promise.all([1, 2, 3, 4, 5].map(() => withChunkLock(file, QUIET, work)));
    expect(results).toEqual(Array(5).fill('done'));
    expect(await readdir(join(folder, 'a'))).toEqual([]);
  });

  it('is given back when the work fails', async () => {
    const broken = () => Promise.reject(new Error('broken'));
    await expect(withChunkLock(file, QUIET, broken)).rejects.toThrow('broken');
    expect(await readdir(join(folder, 'a'))).toEqual([]);
  });

  it('takes over a lock that was not renewed for 30 s by its own clock', async () => {
    await lockElsewhere();
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => (now += 2_000));
    await expect(withChunkLock(file, QUIET, async (held) => held())).resolves.toBeUndefined();
    expect(now).toBeGreaterThan(30_000);
  });

  it('waits for a lock that is renewed, and gives up as StoreUnavailable naming the holder', async () => {
    await lockElsewhere();
    let now = 0;
    let renewals = 0;
    let renewed = Promise.resolve();
    vi.spyOn(performance, 'now').mockImplementation(() => (now += 5_000));
    const renewing = setInterval(() => {
      renewals++;
      const text = JSON.stringify({ token: `other ${renewals}`, host: 'elsewhere', pid: 1 });
      renewed = renewed.then(() => writeFileAtomic(file, text));
    }, 20);
    try {
      const error = await withChunkLock(file, QUIET, async () => {}).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ type: 'StoreUnavailable', message: expect.stringContaining('elsewhere') });
    } finally {
      clearInterval(renewing);
      await renewed;
    }
  });

  it('stops waiting when it is cancelled', async () => {
    await lockElsewhere();
    const checkCancelled = () => {
      throw new ObsmithError({ type: 'Cancelled', message: 'cancelled', remedy: '' });
    };
    await expect(withChunkLock(file, { ...QUIET, checkCancelled }, async () => {})).rejects.toMatchObject({
      type: 'Cancelled',
    });
  });

  it('tells a holder that lost it, and leaves the lock of the other', async () => {
    const other = JSON.stringify({ token: 'other', host: 'elsewhere', pid: 1 });
    const lost = withChunkLock(file, QUIET, async (held) => {
      await held();
      await writeFile(file, other);
      await held();
    });
    await expect(lost).rejects.toMatchObject({
      type: 'StoreUnavailable',
      message: expect.stringContaining('taken over'),
    });
    expect(await readFile(file, 'utf8')).toBe(other);
  });
});
