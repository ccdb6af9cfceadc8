import { mkdtemp, open, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Float32Block } from '../anndata/types.js';
import { ExpressionKeeper, openKeptExpression } from './kept-expression.js';

const SCAN = { fingerprint: 'as it is', expression: 'X' } as const;
/** Columns 1, 3 and 6 are kept. */
const POSITIONS = Int32Array.of(-1, 2, -1, 0, -1, -1, 1, -1);

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-kept-'));
  path = join(folder, 'chunk/expression.rows');
});
afterEach(() => rm(folder, { recursive: true }));

/** Rows of which row r has column 1 + (r mod 3) * ... and value r, every fourth none. */
function rowsFrom(start: number, rows: number): Float32Block {
  const numbers = Array.from({ length: rows }, (_, row) => start + row).filter((row) => row % 4 !== 0);
  const indptr = new Int32Array(rows + 1);
  for (let row = 0; row < rows; row++) indptr[row + 1] = indptr[row]! + ((start + row) % 4 === 0 ? 0 : 1);
  return {
    ...{ kind: 'sparse', start, rows, columns: 8, indptr },
    indices: Int32Array.from(numbers, (row) => [1, 3, 6][row % 3]!),
    values: Float32Array.from(numbers, (row) => row + 0.5),
  };
}

async function keep(stored = 100): Promise<void> {
  const keeper = (await ExpressionKeeper.create(path, SCAN, POSITIONS))!;
  try {
    await keeper.add(rowsFrom(0, 10), stored);
    await keeper.add(rowsFrom(10, 7), stored);
    await keeper.finish();
  } finally {
    await keeper.abandon();
  }
}

async function read(start: number, end: number): Promise<Float32Block[]> {
  const kept = (await openKeptExpression(path, SCAN))!;
  try {
    const blocks: Float32Block[] = [];
    for await (const block of kept.blocks({ start, end })) blocks.push(structuredClone(block));
    return blocks;
  } finally {
    await kept.close();
  }
}

it('gives the rows that were kept, and any part of them', async () => {
  await keep();
  expect(await read(0, 17)).toEqual([rowsFrom(0, 10), rowsFrom(10, 7)]);
  expect(await read(3, 12)).toEqual([rowsFrom(3, 7), rowsFrom(10, 2)]);
  expect(await read(12, 13)).toEqual([rowsFrom(12, 1)]);
});

it('tells which columns it has', async () => {
  await keep();
  const kept = (await openKeptExpression(path, SCAN))!;
  await kept.close();
  expect(kept.covers(Int32Array.of(-1, 5, -1, -1, -1, -1, 0, -1))).toBe(true);
  expect(kept.covers(Int32Array.of(-1, 5, 1, -1, -1, -1, 0, -1))).toBe(false);
});

it('is nothing where it is absent, cut short, unfinished, or about another content', async () => {
  expect(await openKeptExpression(path, SCAN)).toBeNull();
  await keep();
  expect(await openKeptExpression(path, { ...SCAN, fingerprint: 'changed' })).toBeNull();
  expect(await openKeptExpression(path, { ...SCAN, expression: 'layers/counts' })).toBeNull();
  for (const length of [300, 20, 0]) {
    await truncate(path, length);
    expect(await openKeptExpression(path, SCAN)).toBeNull();
  }
});

it('is removed where rows are damaged, so that the next attempt does without it', async () => {
  await keep();
  const file = await open(path, 'r+');
  await file.write(Buffer.of(0xff), 0, 1, 24 + 45);
  await file.close();
  await expect(read(0, 17)).rejects.toMatchObject({ type: 'StoreUnavailable' });
  expect(await openKeptExpression(path, SCAN)).toBeNull();
});

it('is not kept where most values would be', async () => {
  await keep(12);
  expect(await openKeptExpression(path, SCAN)).toBeNull();
  expect(await readdir(join(folder, 'chunk'))).toEqual([]);
});
