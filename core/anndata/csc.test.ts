import { describe, expect, it } from 'vitest';
import { blockRanges } from './block-ranges.js';
import { type ColumnSource, columnsToRowBlocks } from './csc.js';

/** Column `c` of row `r` holds 100 r + c, where (r * 7 + c * 5) % 3 is 0. */
const ROWS = 23;
const COLUMNS = 11;
const stores = (row: number, column: number) => (row * 7 + column * 5) % 3 === 0;

function source(partSize: number, change: (indices: number[]) => void = () => {}): ColumnSource & { parts: number } {
  const indptr = [0];
  const indices: number[] = [];
  const values: number[] = [];
  for (let column = 0; column < COLUMNS; column++) {
    for (let row = 0; row < ROWS; row++) {
      if (!stores(row, column)) continue;
      indices.push(row);
      values.push(100 * row + column);
    }
    indptr.push(indices.length);
  }
  change(indices);
  const counted = {
    rows: ROWS,
    columns: COLUMNS,
    indptr: Float64Array.from(indptr),
    partSize,
    parts: 0,
    newValues: (length: number) => new Float32Array(length),
    indices: async (start: number, end: number) => Int32Array.from(indices.slice(start, end)),
    values: async (start: number, end: number) => {
      counted.parts++;
      expect(end - start).toBeLessThanOrEqual(partSize);
      return Float32Array.from(values.slice(start, end));
    },
  };
  return counted;
}

async function entries(columns: ColumnSource, blockRows: number, gatherBytes?: number, start = 0, end = ROWS) {
  const found: [number, number, number][] = [];
  for await (const block of columnsToRowBlocks(
    columns,
    blockRanges(ROWS, { start, end, blockRows }),
    'X',
    gatherBytes,
  )) {
    for (let row = 0; row < block.rows; row++) {
      for (let i = block.indptr[row]!; i < block.indptr[row + 1]!; i++) {
        found.push([block.start + row, block.indices[i]!, block.values[i]!]);
      }
    }
  }
  return found;
}

function wanted(start = 0, end = ROWS): [number, number, number][] {
  const all: [number, number, number][] = [];
  for (let row = start; row < end; row++) {
    for (let column = 0; column < COLUMNS; column++) {
      if (stores(row, column)) all.push([row, column, 100 * row + column]);
    }
  }
  return all;
}

describe('columns to row blocks', () => {
  it.each([
    [1000, 4096, undefined],
    [7, 5, undefined],
    [7, 5, 8 * 30],
    [3, 4, 1],
  ])('gives all rows in order: parts of %i, blocks of %i, %s bytes', async (partSize, blockRows, gatherBytes) => {
    expect(await entries(source(partSize), blockRows, gatherBytes)).toEqual(wanted());
    expect(await entries(source(partSize), blockRows, gatherBytes, 6, 17)).toEqual(wanted(6, 17));
  });

  it('reads the columns once for as many blocks as fit into its memory', async () => {
    const once = source(1000);
    await entries(once, 4);
    expect(once.parts).toBe(1);
    const bounded = source(1000);
    await entries(bounded, 4, 1);
    expect(bounded.parts).toBe(6);
  });

  it('refuses a row outside the matrix', async () => {
    const columns = source(50, (indices) => {
      indices[10] = ROWS;
    });
    await expect(entries(columns, 5)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('row 23'),
    });
  });

  it('refuses a row that stands twice in a column', async () => {
    const columns = source(50, (indices) => {
      indices[1] = indices[0]!;
    });
    await expect(entries(columns, 5)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('two values in column 0'),
    });
  });
});
