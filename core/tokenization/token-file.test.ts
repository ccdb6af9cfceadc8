import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTokenFile, openTokenFile } from './token-file.js';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-token-file-'));
  path = join(folder, 'deep/chunk.tokens');
});
afterEach(() => rm(folder, { recursive: true }));

const CELLS = [[2, 9, 3], [], [2, 65_535, 8, 3], [7], []];

async function write(): Promise<void> {
  const writer = await createTokenFile(path, 2);
  for (const block of [CELLS.slice(0, 2), CELLS.slice(2, 4), CELLS.slice(4)]) {
    await writer.write(
      Uint16Array.from(block.flat()),
      Uint32Array.from(block, (cell) => cell.length),
    );
  }
  expect(await openTokenFile(path)).toBeNull();
  await writer.commit({ emptyCells: 2 });
  await writer.abandon();
}

test('any range of cells is read back, across blocks and empty cells', async () => {
  await write();
  const file = (await openTokenFile(path))!;
  expect([file.cells, [...file.lengths], file.report]).toEqual([5, [3, 0, 4, 1, 0], { emptyCells: 2 }]);
  for (let start = 0; start <= CELLS.length; start++)
    for (let end = start; end <= CELLS.length; end++)
      expect((await file.rows(start, end)).map((cell) => [...cell])).toEqual(CELLS.slice(start, end));
  await file.close();
});

test('an abandoned file leaves nothing', async () => {
  const writer = await createTokenFile(path, 2);
  await writer.write(Uint16Array.of(1), Uint32Array.of(1));
  await writer.abandon();
  expect(await readdir(join(folder, 'deep'))).toEqual([]);
});

test('what is not whole counts as absent, wherever it was cut', async () => {
  await write();
  const { length } = await readFile(path);
  for (let size = length - 1; size >= 0; size -= 7) {
    await truncate(path, size);
    expect(await openTokenFile(path)).toBeNull();
  }
});

test('a changed token is refused, with the cells and what to do', async () => {
  await write();
  const bytes = await readFile(path);
  bytes[8 + 2]! ^= 1;
  await writeFile(path, bytes);
  const file = (await openTokenFile(path))!;
  await expect(file.rows(0, 1)).rejects.toMatchObject({
    type: 'InvalidInput',
    message: expect.stringContaining('cells 0 to 2'),
    remedy: expect.stringContaining('Delete the file'),
  });
  expect((await file.rows(2, 4)).length).toBe(2);
  await file.close();
});
