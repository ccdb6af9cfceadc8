import { cp, mkdir, mkdtemp, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ObsmithError } from '../errors.js';
import { QUIET, type TaskContext } from '../tasks/types.js';
import { copyToZarr } from './copy.js';
import { openAnnData } from './open.js';
import { fixture, readerContract } from './reader.contract.js';

const INPUTS = ['v2.zarr', 'v3.zarr', 'v3-sharded.zarr', 'plain.h5ad', 'gzip.h5ad', 'lzf.h5ad'];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-copy-'));
});

describe('copies hold what their inputs hold', () => {
  let copies: string;
  beforeAll(async () => {
    copies = await mkdtemp(join(tmpdir(), 'obsmith-copies-'));
    for (const input of INPUTS) await copyToZarr(fixture(input), join(copies, input), QUIET);
  });
  for (const input of INPUTS) readerContract(`a copy of ${input}`, () => openAnnData(join(copies, input)));
});

describe('copyToZarr of a zarr store', () => {
  it('keeps the format and every file but consolidated metadata, byte by byte', async () => {
    await copyToZarr(fixture('v3.zarr'), join(folder, 'copy.zarr'), QUIET);
    const names = await files(fixture('v3.zarr'));
    expect(await files(join(folder, 'copy.zarr'))).toEqual(names);
    for (const name of names.filter((path) => path !== 'zarr.json')) {
      expect(await readFile(join(folder, 'copy.zarr', name))).toEqual(await readFile(join(fixture('v3.zarr'), name)));
    }
  });

  it('shares no file with the input, so that a write into the copy cannot reach it', async () => {
    await copyToZarr(fixture('v2.zarr'), join(folder, 'copy.zarr'), QUIET);
    const inode = async (root: string) => (await stat(join(root, 'X/data/0'))).ino;
    expect(await inode(join(folder, 'copy.zarr'))).not.toBe(await inode(fixture('v2.zarr')));
  });

  it('leaves temporary files behind', async () => {
    const input = join(folder, 'input.zarr');
    await cp(fixture('v2.zarr'), input, { recursive: true });
    await writeFile(join(input, 'X', '.0.abc.partial'), '');
    await writeFile(join(input, '.nfs0001'), '');
    await mkdir(join(input, '.staging'));
    await copyToZarr(input, join(folder, 'copy.zarr'), QUIET);
    expect(await files(join(folder, 'copy.zarr'))).toEqual(await files(fixture('v2.zarr')));
  });

  it('takes columns along that are named like temporary files', async () => {
    const input = join(folder, 'input.zarr');
    await cp(fixture('v2.zarr'), input, { recursive: true });
    await cp(join(input, 'obsm'), join(input, 'uns', '.cell'), { recursive: true });
    await copyToZarr(input, join(folder, 'copy.zarr'), QUIET);
    const consolidated = JSON.parse(await readFile(join(folder, 'copy.zarr', '.zmetadata'), 'utf8'));
    expect(await files(join(folder, 'copy.zarr'))).toEqual(await files(input));
    expect(Object.keys(consolidated.metadata)).toContain('uns/.cell/.zgroup');
  });

  it('follows links inside the store and refuses links out of it', async () => {
    const input = join(folder, 'input.zarr');
    await cp(fixture('v2.zarr'), input, { recursive: true });
    await symlink('.zattrs', join(input, 'X', 'linked'));
    await copyToZarr(input, join(folder, 'inside.zarr'), QUIET);
    expect(await readFile(join(folder, 'inside.zarr/X/linked'))).toEqual(await readFile(join(input, 'X/.zattrs')));
    await writeFile(join(folder, 'secret'), 'secret');
    await symlink(join(folder, 'secret'), join(input, 'X', 'leak'));
    await expect(copyToZarr(input, join(folder, 'outside.zarr'), QUIET)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining(join('X', 'leak')),
    });
    expect(await readdir(folder)).not.toContain('outside.zarr');
  });
});

describe('copyToZarr', () => {
  it.each(['v2.zarr', 'plain.h5ad'])('reports bytes of %s up to the total', async (input) => {
    const seen: [number, number][] = [];
    const context: TaskContext = { progress: (done, total) => void seen.push([done, total]), checkCancelled() {} };
    await copyToZarr(fixture(input), join(folder, 'copy.zarr'), context);
    const [done, total] = seen.at(-1)!;
    expect(done).toBe(total);
    expect(total).toBeGreaterThan(10_000);
    expect(seen.every(([a], i) => i === 0 || a >= seen[i - 1]![0])).toBe(true);
  });

  it.each(['v2.zarr', 'plain.h5ad'])('leaves nothing of %s when it is cancelled', async (input) => {
    let calls = 0;
    const context: TaskContext = {
      progress() {},
      checkCancelled() {
        if (++calls === 20) throw new ObsmithError({ type: 'Cancelled', message: 'cancelled', remedy: '' });
      },
    };
    const copy = copyToZarr(fixture(input), join(folder, 'copy.zarr'), context);
    await expect(copy).rejects.toMatchObject({ type: 'Cancelled' });
    expect(await readdir(folder)).toEqual([]);
  });

  it('removes what a killed attempt left, once the copy is there', async () => {
    await mkdir(join(folder, 'copy.zarr.partial-dead', 'X'), { recursive: true });
    await copyToZarr(fixture('v2.zarr'), join(folder, 'copy.zarr'), QUIET);
    expect(await readdir(folder)).toEqual(['copy.zarr']);
  });

  it('refuses a target that exists, an input that does not, and a folder that is no store', async () => {
    await mkdir(join(folder, 'there'));
    await expect(copyToZarr(fixture('v2.zarr'), join(folder, 'there'), QUIET)).rejects.toThrow('exists already');
    await expect(copyToZarr(join(folder, 'nothing'), join(folder, 'a'), QUIET)).rejects.toThrow('Input file not found');
    await expect(copyToZarr(join(folder, 'there'), join(folder, 'b'), QUIET)).rejects.toThrow('without zarr metadata');
  });
});

async function files(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}
