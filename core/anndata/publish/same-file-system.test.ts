import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { checkSameFileSystem } from './same-file-system.js';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const stat = async (path: string) => {
    const found = await real.stat(path);
    return path.includes('mounted') ? { ...found, dev: found.dev + 1 } : found;
  };
  return { ...real, stat };
});

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-fs-'));
});
afterEach(() => rm(base, { recursive: true }));

it('accepts outputs on the file system of .obsmith, whether they exist or not', async () => {
  await checkSameFileSystem(base, 'processed_with_emb/train/toy');
  await mkdir(join(base, 'processed_with_emb/train/toy'), { recursive: true });
  await checkSameFileSystem(base, 'processed_with_emb/train/toy');
});

it('refuses outputs below a folder that is mounted from elsewhere', async () => {
  await mkdir(join(base, 'mounted'));
  const refused = checkSameFileSystem(base, 'mounted/train/toy');
  await expect(refused).rejects.toMatchObject({
    type: 'InvalidConfig',
    message: expect.stringContaining('another file system'),
  });
});
