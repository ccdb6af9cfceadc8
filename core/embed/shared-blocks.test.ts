import { describe, expect, it } from 'vitest';
import { memoryAnnData } from '../../test/memory-anndata.js';
import type { RowBlock } from '../anndata/types.js';
import type { MatrixBlocks, Rows } from './embedder-rows.js';
import { SharedBlocks } from './shared-blocks.js';

const CELLS = 23;
const store = memoryAnnData({
  cells: Array.from({ length: CELLS }, (_, row) => `cell${row}`),
  genes: ['a', 'b', 'c'],
  X: { encoding: 'csr', dtype: 'float32', rows: Array.from({ length: CELLS }, (_, row) => [row + 1, 0, 100 + row]) },
});

/** Reads in blocks of 5 rows, and records what was read. */
function recorded(rows = CELLS) {
  const read: Rows[] = [];
  let open = 0;
  const blocks: MatrixBlocks = async function* ({ start, end }) {
    open++;
    try {
      for await (const block of store.rowBlocks('X', { start, end: Math.min(end, rows), blockRows: 5 })) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        read.push({ start: block.start, end: block.start + block.rows });
        yield block;
      }
    } finally {
      open--;
    }
  };
  return { read, blocks, open: () => open };
}

/** Row numbers by what stands in the rows. */
function rowsIn(block: RowBlock): number[] {
  if (block.kind !== 'sparse') throw new Error('sparse expected');
  return Array.from({ length: block.rows }, (_, row) => block.values[block.indptr[row]!]! - 1);
}

async function readAll(seat: ReturnType<SharedBlocks['seat']>, ranges: readonly Rows[], slow = false) {
  const rows: number[] = [];
  for (const range of ranges) {
    for await (const block of seat.blocks(range)) {
      if (slow) await new Promise((resolve) => setTimeout(resolve, 3));
      rows.push(...rowsIn(block));
      expect(rows.at(-1)).toBe(block.start + block.rows - 1);
    }
  }
  seat.leave();
  return rows;
}

const numbers = ({ start, end }: Rows): number[] => Array.from({ length: end - start }, (_, at) => start + at);
const all = { start: 0, end: CELLS };

describe('SharedBlocks', () => {
  it('reads each row once for all who need it', async () => {
    const { read, blocks, open } = recorded();
    const shared = new SharedBlocks(blocks, 3);
    const seats = [shared.seat(), shared.seat(), shared.seat()];
    const found = await Promise.all(seats.map((seat, at) => readAll(seat, [all], at === 1)));
    for (const rows of found) expect(rows).toEqual(numbers(all));
    expect(read.map(({ start }) => start)).toEqual([0, 5, 10, 15, 20]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(open()).toBe(0);
  });

  it('gives each its own rows, and reads none that nobody needs', async () => {
    const { read, blocks } = recorded();
    const shared = new SharedBlocks(blocks, 3);
    const wanted = [
      [{ start: 2, end: 9 }],
      [
        { start: 4, end: 6 },
        { start: 17, end: 23 },
      ],
      [],
    ];
    const found = await Promise.all(wanted.map((ranges) => readAll(shared.seat(), ranges)));
    expect(found).toEqual(wanted.map((ranges) => ranges.flatMap(numbers)));
    const rows = read.flatMap(numbers);
    expect(rows).toEqual([...numbers({ start: 2, end: 9 }), ...numbers({ start: 17, end: 23 })]);
  });

  it('waits for nobody who left', async () => {
    const { blocks } = recorded();
    const shared = new SharedBlocks(blocks, 3);
    const [first, second, third] = [shared.seat(), shared.seat(), shared.seat()];
    const rows = readAll(first, [all]);
    third.leave();
    for await (const block of second.blocks(all)) if (block.start === 10) break;
    second.leave();
    second.leave();
    expect(await rows).toEqual(numbers(all));
  });

  it('tells all who wait that the matrix cannot be read, and ends for all where it is short', async () => {
    const broken = new SharedBlocks(async function* () {
      yield* store.rowBlocks('X', { end: 5 });
      throw new Error('chunk 1 is corrupt');
    }, 2);
    const ends = await Promise.allSettled([readAll(broken.seat(), [all]), readAll(broken.seat(), [all])]);
    expect(ends.map((end) => end.status === 'rejected' && end.reason.message)).toEqual([
      'chunk 1 is corrupt',
      'chunk 1 is corrupt',
    ]);
    const short = new SharedBlocks(recorded(12).blocks, 2);
    const found = await Promise.all([readAll(short.seat(), [all]), readAll(short.seat(), [all])]);
    for (const rows of found) expect(rows).toEqual(numbers({ start: 0, end: 12 }));
  });
});
