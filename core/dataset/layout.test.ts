import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as layout from './layout.js';

test('everything of a run lies in .obsmith, except dataset.json beside the splits', () => {
  expect(layout.planFolder('p1')).toBe('.obsmith/plans/p1');
  expect(layout.scanFile('pbmc', 'train/chunk_0')).toBe('.obsmith/scans/pbmc/train/chunk_0.json');
  expect(layout.fitFolder('f1')).toBe('.obsmith/fits/f1');
  expect(layout.stagingFolder('pbmc', 'p1', 'val/chunk_3')).toBe('.obsmith/staging/pbmc/p1/val/chunk_3');
  expect(layout.journalFolder('p1')).toBe('.obsmith/journal/p1');
  expect(layout.leaseFile('pbmc')).toBe('.obsmith/pbmc.lease');
  expect(layout.datasetFile('processed_with_emb/train/pbmc')).toBe('processed_with_emb/train/pbmc/dataset.json');
});

test('data sets with a train/val split lie below train, others below test', () => {
  expect(layout.inputFolder(true, 'pbmc')).toBe('processed/train/pbmc');
  expect(layout.outputFolder(false, 'pbmc')).toBe('processed_with_emb/test/pbmc');
  expect(layout.rawFile(false, 'pbmc')).toBe('raw/test/pbmc.h5ad');
});

describe('resolveInside', () => {
  let folder: string;
  let base: string;
  beforeAll(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'obsmith-layout-')));
    base = join(folder, 'base');
    await mkdir(join(base, 'a'), { recursive: true });
    await mkdir(join(folder, 'base2'));
    await symlink(join(folder, 'base2'), join(base, 'out'));
    await symlink('../a', join(base, 'a', 'loop_inside'));
    await symlink(base, join(folder, 'mounted'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test.each(['a', 'a/not/there/yet', 'a/../a', 'a/loop_inside/x', '..a'])('%s stays inside', async (path) => {
    expect(await layout.resolveInside(base, path)).toBe(join(base, path));
  });

  test.each(['..', '../base2', 'a/../../base2/x', '/etc/passwd', 'out', 'out/not/there'])(
    '%s is refused',
    async (path) => {
      await expect(layout.resolveInside(base, path)).rejects.toMatchObject({
        type: 'InvalidInput',
        message: expect.stringContaining(path),
        remedy: expect.stringContaining('base folder'),
      });
    },
  );

  test('the base folder itself may be a link', async () => {
    expect(await layout.resolveInside(join(folder, 'mounted'), 'a')).toBe(join(folder, 'mounted', 'a'));
  });
});
