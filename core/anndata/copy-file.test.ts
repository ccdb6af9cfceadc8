import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileCopier } from './copy-file.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-copy-file-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe.each([
  ['where files are quick', new FileCopier()],
  ['where files took long', new FileCopier(0)],
])('copies of files %s', (_, copier) => {
  it.each([0, 1000, 5 * 2 ** 20])('hold the same %i bytes, in files of their own', async (bytes) => {
    const [source, target] = [join(folder, 'source'), join(folder, 'target')];
    await writeFile(source, Buffer.alloc(bytes, 7));
    await copier.copy(source, target, bytes);
    expect((await readFile(target)).equals(await readFile(source))).toBe(true);
    expect((await stat(target)).ino).not.toBe((await stat(source)).ino);
  });

  it('never replace a file, and name what cannot be read', async () => {
    const [source, target] = [join(folder, 'source'), join(folder, 'target')];
    await writeFile(source, 'new');
    await writeFile(target, 'old');
    await expect(copier.copy(source, target, 3)).rejects.toMatchObject({ type: 'InvalidInput' });
    expect(await readFile(target, 'utf8')).toBe('old');
    await expect(copier.copy(join(folder, 'absent'), join(folder, 'other'), 3)).rejects.toThrow(/absent/);
  });
});
