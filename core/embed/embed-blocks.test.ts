import { describe, expect, it } from 'vitest';
import { memoryAnnData } from '../../test/memory-anndata.js';
import type { AnnData, RowRange } from '../anndata/types.js';
import type { ChunkScan } from '../dataset/types.js';
import type { Embedder } from '../methods/types.js';
import { QUIET, type TaskContext } from '../tasks/types.js';
import { embedBlocks } from './embed-blocks.js';
import { matrixBlocks } from './embedder-rows.js';

const CELLS = 11;
const GENES = 4;
/** Cell r has r + 0.5 in gene r % 4 and 0.25 in the next one. */
const ROWS = Array.from({ length: CELLS }, (_, row) => {
  const values = new Array<number>(GENES).fill(0);
  values[row % GENES] = row + 0.5;
  values[(row + 1) % GENES] = 0.25;
  return values;
});
/** Selects genes 2 and 0. */
const EXPECTED = ROWS.map((row) => [row[2]!, row[0]!]);

function chunk(encoding: 'csr' | 'dense' = 'csr', ranges: RowRange[] = []): AnnData {
  const store = memoryAnnData({
    cells: ROWS.map((_, row) => `cell${row}`),
    genes: ['a', 'b', 'c', 'd'],
    X: { encoding, dtype: 'float32', rows: ROWS },
  });
  return {
    ...store,
    rowBlocks(path, range) {
      ranges.push(range ?? {});
      // Blocks of 4 rows, so that blocks of input and output begin at different rows.
      return store.rowBlocks(path, { ...range, blockRows: 4 });
    },
  };
}

const scan = { name: 'train/chunk_0', cells: CELLS, expression: 'X' } as ChunkScan;

const selectGenes: Embedder = {
  source: 'expression',
  provenance: {},
  report: {},
  embed(block, out) {
    if (block.kind !== 'sparse') throw new Error('sparse expected');
    out.fill(0);
    for (let row = 0; row < block.rows; row++) {
      for (let at = block.indptr[row]!; at < block.indptr[row + 1]!; at++) {
        if (block.indices[at] === 2) out[row * 2] = block.values[at]!;
        if (block.indices[at] === 0) out[row * 2 + 1] = block.values[at]!;
      }
    }
  },
};

function stagedArray(blockRows: number, done: number[] = []) {
  const written = new Map<number, number[]>();
  return {
    written,
    blockRows,
    blocks: Math.ceil(CELLS / blockRows),
    done: new Set(done),
    savedRows: () => 0,
    writeBlock: async (block: number, values: Float32Array) => {
      // A slow disk: the values must still stand when it gets to them.
      await new Promise((resolve) => setTimeout(resolve, 2));
      written.set(block, [...values]);
    },
    seal: async () => {},
  };
}

const rowsOfBlock = (block: number, blockRows: number): number[] =>
  EXPECTED.slice(block * blockRows, (block + 1) * blockRows).flat();

const embed = (
  input: AnnData,
  staged: ReturnType<typeof stagedArray>,
  embedder = selectGenes,
  context: TaskContext = QUIET,
) => {
  const blocks = matrixBlocks('expression', input, scan);
  return embedBlocks({ scan, blocks, embedder, staged: staged as never, dim: 2 }, context);
};

describe('embedBlocks', () => {
  it.each([1, 2, 3, 4, 5, 8, 11, 64])('fills row blocks of %i rows', async (blockRows) => {
    for (const encoding of ['csr', 'dense'] as const) {
      const staged = stagedArray(blockRows);
      await embed(chunk(encoding), staged);
      expect([...staged.written.keys()]).toEqual(Array.from({ length: staged.blocks }, (_, block) => block));
      for (const [block, values] of staged.written) expect(values).toEqual(rowsOfBlock(block, blockRows));
    }
  });

  it('goes on after blocks that are done, and reads only the rows of the others', async () => {
    const ranges: RowRange[] = [];
    const staged = stagedArray(2, [0, 1, 4]);
    await embed(chunk('csr', ranges), staged);
    expect(ranges.map(({ start, end }) => [start, end])).toEqual([
      [4, 8],
      [10, 11],
    ]);
    expect([...staged.written.keys()]).toEqual([2, 3, 5]);
    for (const [block, values] of staged.written) expect(values).toEqual(rowsOfBlock(block, 2));
  });

  it('reads nothing where every block is done', async () => {
    const ranges: RowRange[] = [];
    await embed(chunk('csr', ranges), stagedArray(4, [0, 1, 2]));
    expect(ranges).toEqual([]);
  });

  it('counts resumed cells as progress', async () => {
    const seen: number[] = [];
    const context: TaskContext = { ...QUIET, progress: (done, total) => total === CELLS && seen.push(done) };
    await embed(chunk(), stagedArray(4, [0]), selectGenes, context);
    expect(seen[0]).toBe(4);
    expect(seen.at(-1)).toBe(CELLS);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  it('fails where a block cannot be written', async () => {
    const staged = stagedArray(2);
    staged.writeBlock = async (block) => {
      if (block === 3) throw new Error('disk full');
    };
    await expect(embed(chunk(), staged)).rejects.toThrow('disk full');
    const last = stagedArray(2);
    last.writeBlock = async (block) => {
      if (block === 5) throw new Error('disk full');
    };
    await expect(embed(chunk(), last)).rejects.toThrow('disk full');
  });

  it('stops between blocks when it is cancelled', async () => {
    let done = 0;
    const staged = stagedArray(4);
    const context: TaskContext = {
      progress: (rows) => {
        done = rows;
      },
      checkCancelled: () => {
        if (done >= 4) throw new Error('cancelled');
      },
    };
    await expect(embed(chunk(), staged, selectGenes, context)).rejects.toThrow('cancelled');
    expect([...staged.written.keys()]).toEqual([0]);
  });

  it('fails where a reader gives fewer rows than the chunk has cells', async () => {
    const store = chunk();
    const short: AnnData = { ...store, rowBlocks: (path, range) => store.rowBlocks(path, { ...range, end: 9 }) };
    await expect(embed(short, stagedArray(4))).rejects.toMatchObject({ type: 'Internal' });
  });
});
