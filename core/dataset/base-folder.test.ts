import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensureBaseId } from './base-folder.js';

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-base-'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

test('many that come at once agree on one id, and it stays', async () => {
  const ids = await Promise.all(Array.from({ length: 20 }, () => ensureBaseId(base)));
  expect(new Set(ids).size).toBe(1);
  expect((await readFile(join(base, '.obsmith', 'id'), 'utf8')).trim()).toBe(ids[0]);
  expect(await ensureBaseId(base)).toBe(ids[0]);
});

test('a base folder that is not there, or is a file, is refused', async () => {
  await expect(ensureBaseId(join(base, 'absent'))).rejects.toMatchObject({
    type: 'InvalidConfig',
    message: expect.stringContaining('not found'),
  });
  await writeFile(join(base, 'file'), '');
  await expect(ensureBaseId(join(base, 'file'))).rejects.toMatchObject({
    type: 'InvalidConfig',
    message: expect.stringContaining('not a folder'),
  });
});
