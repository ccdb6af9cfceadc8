import { mkdtemp, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BLOCK_ROWS } from '../anndata/types.js';
import type { ExpressionBlock } from '../methods/expression.js';
import { QUIET } from '../tasks/types.js';
import { cellBatches } from './cell-batches.js';
import { accumulateGeneStatistics, batchesPerPass, type CellBatches } from './gene-statistics.js';
import { chooseOverAllCells, chooseOverBatches, firstByDispersion } from './highly-variable.js';
import { cut } from './normalized-dispersion.js';
import {
  addStatistics,
  openStatistics,
  type StatisticsReader,
  writeAdded,
  writeStatistics,
} from './statistics-partial.js';

interface Case {
  readonly name: string;
  readonly cells: number;
  readonly genes: string[];
  readonly firstCells: number;
  readonly x: string;
  readonly batches: (string | null)[] | null;
  readonly nTop: number;
  readonly chosen: number[];
  readonly normalized: (number | null)[];
}

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../test/fixtures/hvg-pca/${name}`, import.meta.url));
const cases = JSON.parse(await readFile(fixture('cases.json'), 'utf8')) as Case[];
const bins = JSON.parse(await readFile(fixture('bins.json'), 'utf8')) as { values: number[]; bins: number[] }[];

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-hvg-'));
});
afterAll(async () => {
  for (const reader of opened) await reader.close();
  await rm(folder, { recursive: true, force: true });
});

const opened: StatisticsReader[] = [];

async function open(path: string): Promise<StatisticsReader> {
  const reader = await openStatistics(path);
  opened.push(reader);
  return reader;
}

/** Rows [from, to) of a dense matrix as blocks. */
async function* blocksOf(x: Float32Array, columns: number, from: number, to: number): AsyncGenerator<ExpressionBlock> {
  for (let start = from; start < to; start += BLOCK_ROWS) {
    const rows = Math.min(BLOCK_ROWS, to - start);
    const indptr = new Int32Array(rows + 1);
    const indices: number[] = [];
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++)
        if (x[(start + row) * columns + column] !== 0) indices.push(column);
      indptr[row + 1] = indices.length;
    }
    const values = new Float32Array(indices.length);
    for (let row = 0; row < rows; row++) {
      for (let at = indptr[row]!; at < indptr[row + 1]!; at++) values[at] = x[(start + row) * columns + indices[at]!]!;
    }
    yield { kind: 'sparse', start, rows, columns, indptr, indices: Int32Array.from(indices), values };
  }
}

const batchesOf = (labels: readonly (string | null)[] | null, cells: number): CellBatches =>
  labels === null ? { names: [''], codes: null, cells: Float64Array.of(cells) } : cellBatches(labels);

async function accumulate(
  test: Case,
  x: Float32Array,
  from: number,
  to: number,
  memory?: number,
): Promise<StatisticsReader> {
  const batches = batchesOf(test.batches?.slice(from, to) ?? null, to - from);
  const columns = test.genes.length;
  const path = join(folder, `${crypto.randomUUID()}.sums`);
  const header = {
    chunks: [{ name: `chunk ${from}`, digest: '' }],
    cells: to - from,
    genes: test.genes,
    batches: batches.names,
    cellsPerBatch: [...batches.cells],
  };
  const rows = x.subarray(from * columns, to * columns);
  await writeStatistics(path, header, (deliver) =>
    accumulateGeneStatistics({
      genes: columns,
      batches,
      blocks: (start, end) => blocksOf(rows, columns, start, end),
      deliver,
      ...(memory === undefined ? {} : { memory }),
    }),
  );
  return open(path);
}

async function merged(parts: StatisticsReader[]): Promise<StatisticsReader> {
  const path = join(folder, `${crypto.randomUUID()}.sums`);
  await writeAdded(path, addStatistics(parts), QUIET);
  return open(path);
}

async function choose(sums: StatisticsReader, nTop: number, batched: boolean) {
  const { genes, batches, cellsPerBatch } = sums.header;
  const choice = batched ? chooseOverBatches(genes, nTop) : chooseOverAllCells(genes.length, nTop);
  const values = new Float64Array(genes.length * 2);
  for (let batch = 0; batch < batches.length; batch++) {
    await addStatistics([sums]).sumsOf(batch, values);
    choice.add(values, cellsPerBatch[batch]!);
  }
  return { chosen: [...choice.choose()], normalized: choice.normalized() };
}

const matrixOf = (test: Case): Float32Array => {
  const bytes = Buffer.from(test.x, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
};

describe('highly variable genes', () => {
  it.each(cases.map((test): [string, Case] => [test.name, test]))(
    'are those of scanpy on the concatenation: %s',
    async (_, test) => {
      const x = matrixOf(test);
      const sums = await merged([
        await accumulate(test, x, 0, test.firstCells),
        await accumulate(test, x, test.firstCells, test.cells),
      ]);
      const { chosen, normalized } = await choose(sums, test.nTop, test.batches !== null);
      expect(chosen).toEqual(test.chosen);
      const differences = test.normalized.map((expected, gene) =>
        expected === null ? (Number.isNaN(normalized[gene]!) ? 0 : 1) : Math.abs(normalized[gene]! - expected),
      );
      expect(Math.max(...differences)).toBeLessThan(5e-6);
    },
  );

  it('do not depend on how much memory the sums may take', async () => {
    for (const test of cases.filter(({ batches }) => batches !== null)) {
      const x = matrixOf(test);
      const [once, often] = [await accumulate(test, x, 0, test.cells), await accumulate(test, x, 0, test.cells, 1)];
      expect(await readFile(once.path)).toEqual(await readFile(often.path));
    }
  });

  it('keep the first by dispersion, then by position', () => {
    expect([...firstByDispersion([1, Number.NaN, 3, 1, 1, 0], 3)]).toEqual([0, 2, 3]);
    expect([...firstByDispersion([1, 1 + 1e-9, 1], 2)]).toEqual([0, 1]);
    expect([...firstByDispersion([Number.NaN, 2], 5)]).toEqual([1]);
  });

  it.each(bins)('are binned as pandas.cut does ($#)', ({ values, bins: expected }) => {
    expect([...cut(Float64Array.from(values))]).toEqual(expected);
  });
});

describe('gene statistics', () => {
  it('join genes by name in the order of the first chunk, and batches of any chunk', async () => {
    const part = async (name: string, genes: string[], batches: string[], first: number) => {
      const path = join(folder, `${name}.sums`);
      const header = {
        chunks: [{ name, digest: name }],
        cells: batches.length * 2,
        genes,
        batches,
        cellsPerBatch: batches.map(() => 2),
      };
      await writeStatistics(path, header, async (deliver) => {
        for (const batch of batches.keys())
          await deliver(
            batch,
            Float64Array.from({ length: genes.length * 2 }, (_, i) => first + 100 * batch + i),
          );
      });
      return open(path);
    };
    const sums = await merged([
      await part('a', ['x', 'y', 'z'], ['b', 'c'], 0),
      await part('b', ['z', 'w', 'x'], ['a', 'c'], 1000),
    ]);
    expect(sums.header).toMatchObject({
      genes: ['x', 'z'],
      batches: ['a', 'b', 'c'],
      cells: 8,
      cellsPerBatch: [2, 2, 4],
    });
    const values = new Float64Array(4);
    await addStatistics([sums]).sumsOf(0, values);
    expect([...values]).toEqual([1004, 1005, 1000, 1001]);
    await addStatistics([sums]).sumsOf(1, values);
    expect([...values]).toEqual([0, 1, 4, 5]);
    await addStatistics([sums]).sumsOf(2, values);
    expect([...values]).toEqual([1104 + 100, 1105 + 101, 1100 + 104, 1101 + 105]);
  });

  it('refuse chunks that share no gene, naming them', async () => {
    const test = cases[0]!;
    const x = matrixOf(test);
    const other = { ...test, genes: test.genes.map((gene) => `other-${gene}`) };
    const parts = [await accumulate(test, x, 0, 5), await accumulate(other, x, 5, 9)];
    await expect(merged(parts)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(/chunk 5.*chunk 0/),
    });
  });

  it('refuse a partial that was cut short', async () => {
    const { path } = await accumulate(cases[0]!, matrixOf(cases[0]!), 0, 5);
    await truncate(path, 1000);
    await expect(openStatistics(path)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining(path),
    });
  });

  it('of 5,000 batches x 2,000 genes stay in the memory they may take', async () => {
    const [cells, genes, count, memory] = [12_000, 2000, 5000, 16 * 1024 * 1024];
    const labels = Array.from({ length: cells }, (_, cell) => `batch ${(cell * 7919) % count}`);
    const batches = cellBatches(labels);
    const values = Float32Array.of(0.5, 1, 1.5, 2);
    async function* blocks(start: number, end: number): AsyncGenerator<ExpressionBlock> {
      for (let first = start; first < end; first += BLOCK_ROWS) {
        const rows = Math.min(BLOCK_ROWS, end - first);
        const indptr = Int32Array.from({ length: rows + 1 }, (_, row) => row * 4);
        const indices = Int32Array.from({ length: rows * 4 }, (_, at) => ((first + (at >> 2)) % 400) * 5 + (at & 3));
        const repeated = Float32Array.from({ length: rows * 4 }, (_, at) => values[at & 3]!);
        yield { kind: 'sparse', start: first, rows, columns: genes, indptr, indices, values: repeated };
      }
    }
    expect(batchesPerPass(genes, memory, count) * genes * 16).toBeLessThanOrEqual(memory);
    const before = process.memoryUsage().arrayBuffers;
    let [delivered, largest, total] = [0, 0, 0];
    const deliver = (batch: number, sums: Float64Array) => {
      expect(batch).toBe(delivered++);
      largest = Math.max(largest, process.memoryUsage().arrayBuffers - before);
      for (let gene = 0; gene < genes; gene++) total += sums[gene * 2]!;
    };
    await accumulateGeneStatistics({ genes, batches, blocks, deliver, memory });
    expect(delivered).toBe(count);
    expect(largest).toBeLessThan(memory + 8 * 1024 * 1024);
    const perCell = values.reduce((sum, value) => sum + Math.fround(Math.expm1(value)), 0);
    expect(total).toBeCloseTo(perCell * cells, 3);
  });
});
