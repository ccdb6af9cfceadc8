import { cp, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openAnnData } from './open.js';
import { fixture } from './reader.contract.js';

const denied = vi.hoisted(() => ({ path: '' }));
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof import('node:fs/promises')>();
  const open = (path: string, ...rest: []) => {
    if (path !== denied.path) return fs.open(path, ...rest);
    return Promise.reject(Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }));
  };
  return { ...fs, open };
});
afterEach(() => {
  denied.path = '';
});

describe('openAnnData', () => {
  it.each([
    ['v2.zarr', 'zarr-v2'],
    ['v3-sharded.zarr', 'zarr-v3'],
    ['gzip.h5ad', 'h5ad'],
  ])('opens %s by what is on disk, whatever its name', async (name, format) => {
    const misnamed = join(await mkdtemp(join(tmpdir(), 'obsmith-open-')), 'chunk.data');
    await cp(fixture(name), misnamed, { recursive: true });
    const store = await openAnnData(misnamed);
    expect(store).toMatchObject({ format, cells: 60, genes: 30 });
    await store.close();
  });

  it('says what is missing, unreadable or no store', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'obsmith-open-'));
    await expect(openAnnData(join(folder, 'none.zarr'))).rejects.toMatchObject({
      type: 'InvalidInput',
      message: `Input file not found: ${join(folder, 'none.zarr')}`,
    });
    await expect(openAnnData(folder)).rejects.toThrow('expected .zgroup or zarr.json');
    denied.path = fixture('gzip.h5ad');
    await expect(openAnnData(denied.path)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: `No permission to access ${denied.path} (EACCES)`,
    });
  });
});
