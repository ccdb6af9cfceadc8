import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runChaos } from '../scripts/chaos/chaos.js';
import { injectedDisk } from '../scripts/chaos/disk.js';

/** The short form of `npm run chaos`. */
it('survives kill -9 of workers and of the server, a full and a read-only disk, without a partial or a different byte', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'obsmith-chaos-'));
  const faultFile = join(folder, 'fault.json');
  try {
    const report = await runChaos({
      ...{ folder: join(folder, 'server'), disk: await injectedDisk(join(folder, 'disk'), faultFile), faultFile },
      ...{ kills: 5, seed: 2, workers: 2, pauseMs: 2_000, faultMs: 1_500, say: () => {} },
    });
    expect(report.differences).toEqual([]);
    expect(report.reader.violations).toEqual([]);
    expect(report.digest.equal).toBe(true);
    expect(report).toMatchObject({ workerKills: 5, serverKills: 1 });
    expect(report.reader.arraysSeen).toBeGreaterThan(0);
    expect(report.rows.recomputed).toBeLessThan(report.rows.needed / 4);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 300_000);
