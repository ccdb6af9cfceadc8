import { describe, expect, it } from 'vitest';
import { memoryAnnData } from '../../test/memory-anndata.js';
import { boundedBlockRows, sparseRowBlocks } from './sparse-row-blocks.js';

describe('boundedBlockRows', () => {
  it('holds a dense block to 32 MiB of float32 with a divisor of the block size', () => {
    expect(boundedBlockRows({ encoding: 'dense', columns: 2048 })).toBe(4096);
    expect(boundedBlockRows({ encoding: 'dense', columns: 2049 })).toBe(2048);
    expect(boundedBlockRows({ encoding: 'dense', columns: 20_000 })).toBe(256);
    expect(boundedBlockRows({ encoding: 'dense', columns: 20_000 }, 1000)).toBe(250);
    expect(boundedBlockRows({ encoding: 'dense', columns: 10 ** 8 }, 7)).toBe(1);
    expect(boundedBlockRows({ encoding: 'dense', columns: 0 })).toBe(4096);
    expect(boundedBlockRows({ encoding: 'csr', columns: 60_000 })).toBe(4096);
  });
});

describe('sparseRowBlocks', () => {
  it('gathers dense parts to whole blocks that equal those of the sparse matrix', async () => {
    // 3,000,000 columns: a part has at most two rows.
    const columns = 3_000_000;
    const rows = Array.from({ length: 7 }, (_, row) => ({ row, column: (row * 433_333) % columns, value: row + 0.5 }));
    const chunk = memoryAnnData({ cells: rows.map(({ row }) => `c${row}`), genes: [] });
    const partSizes: number[] = [];
    const dense: typeof chunk = {
      ...chunk,
      matrix: async () => ({ encoding: 'dense', rows: 7, columns, dtype: 'float32', stored: 7 * columns }),
      async *rowBlocks(_path, { start = 0, end = 7, blockRows = 4096 } = {}) {
        for (let first = start; first < end; first += blockRows) {
          const part = rows.slice(first, Math.min(end, first + blockRows));
          partSizes.push(part.length);
          const values = new Float32Array(part.length * columns);
          for (const [at, { column, value }] of part.entries()) values[at * columns + column] = value;
          yield { kind: 'dense', start: first, rows: part.length, columns, values };
        }
      },
    };
    const blocks = [];
    for await (const block of sparseRowBlocks(dense, 'X', { start: 1, blockRows: 4 }))
      blocks.push(structuredClone(block));
    expect(Math.max(...partSizes)).toBe(2);
    expect(blocks.map(({ start, rows, indptr }) => ({ start, rows, indptr: [...indptr] }))).toEqual([
      { start: 1, rows: 4, indptr: [0, 1, 2, 3, 4] },
      { start: 5, rows: 2, indptr: [0, 1, 2] },
    ]);
    expect(blocks.flatMap(({ indices }) => [...indices])).toEqual(rows.slice(1).map(({ column }) => column));
    expect(blocks.flatMap(({ values }) => [...values])).toEqual(rows.slice(1).map(({ value }) => value));
  });
});
