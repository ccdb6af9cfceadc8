import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { AnnData, Column, MatrixPath, RowBlock, RowRange } from './types.js';

// Every reader runs this suite on one logical data set, which test/oracle/reader_fixtures.py wrote in each format:
// test/fixtures/reader/{v2,v3,v3-sharded}.zarr and {plain,gzip,lzf}.h5ad (gzip.h5ad with small chunks), with what anndata reads
// from them in expected.json. In a reader's own test: readerContract('h5ad', () => openH5ad(fixture('plain.h5ad'))).

interface ExpectedColumn {
  readonly kind: Column['kind'];
  readonly values?: (string | number | boolean | null)[];
  readonly categories?: string[];
  readonly codes?: number[];
  readonly ordered?: boolean;
  readonly dtype?: string;
}

interface ExpectedMatrix {
  readonly encoding: 'csr' | 'csc' | 'dense';
  readonly dtype: string;
  readonly stored: number;
  readonly rows: number[][];
}

interface Expected {
  readonly cells: number;
  readonly genes: number;
  readonly names: Record<'obs' | 'var' | 'raw/var', string[]>;
  readonly columns: Record<'obs' | 'var' | 'raw/var', Record<string, ExpectedColumn>>;
  readonly keys: Record<'layers' | 'obsm' | 'obsp' | 'uns', string[]>;
  readonly matrices: Record<MatrixPath, ExpectedMatrix>;
}

/** Path of a store in test/fixtures/reader. */
export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../test/fixtures/reader/${name}`, import.meta.url));

const expected: Expected = JSON.parse(readFileSync(fixture('expected.json'), 'utf8'));
const frames = ['obs', 'var', 'raw/var'] as const;
const groups = ['layers', 'obsm', 'obsp', 'uns'] as const;

/** The contract of `AnnData`: what any reader must deliver for the fixture data set that `open` opens. */
export function readerContract(name: string, open: () => Promise<AnnData>): void {
  describe(`${name} as a reader of AnnData`, () => {
    it('knows its size', async () => {
      const { cells, genes } = await open();
      expect({ cells, genes }).toEqual({ cells: expected.cells, genes: expected.genes });
    });

    it.each(frames)('reads names and columns of %s', async (frame) => {
      const store = await open();
      expect(await store.names(frame)).toEqual(expected.names[frame]);
      expect(await store.keys(frame)).toEqual(Object.keys(expected.columns[frame]));
      for (const [key, column] of Object.entries(expected.columns[frame])) {
        expect({ key, ...comparable(await store.column(frame, key)) }).toEqual({ key, ...column });
      }
    });

    it.each(groups)('lists %s', async (group) => {
      expect((await (await open()).keys(group)).sort()).toEqual([...expected.keys[group]].sort());
    });

    it('refuses an unknown column, naming those that there are', async () => {
      const wanted = (await open()).column('obs', 'celltype');
      await expect(wanted).rejects.toMatchObject({
        type: 'InvalidInput',
        message: expect.stringContaining('cell_type'),
      });
    });

    it('answers null for a matrix that is not there', async () => {
      expect(await (await open()).matrix('layers/nothing')).toBeNull();
    });

    it('refuses to stream a matrix that is not there', async () => {
      await expect(rowsOf(await open(), 'layers/nothing')).rejects.toMatchObject({ type: 'InvalidInput' });
    });

    describe.each(Object.keys(expected.matrices) as MatrixPath[])('%s', (path) => {
      const matrix = expected.matrices[path]!;
      const columns = matrix.rows[0]!.length;

      it('says what it is', async () => {
        const { encoding, dtype, stored } = matrix;
        const info = { encoding, rows: expected.cells, columns, dtype, stored };
        expect(await (await open()).matrix(path)).toEqual(info);
      });

      it.each([undefined, { blockRows: 7 }, { start: 11, end: 42, blockRows: 16 }, { start: 60 }] as RowRange[])(
        'streams the rows of %j',
        async (range) => {
          const { start = 0, end = expected.cells } = range ?? {};
          expect(await rowsOf(await open(), path, range)).toEqual(matrix.rows.slice(start, end));
        },
      );
    });

    it('gives digests and fingerprints that repeat, for elements and for the index', async () => {
      const store = await open();
      for (const element of ['X', 'layers/counts', 'obs/_index', 'var/ensembl_id', 'obs/cell_type']) {
        expect(await store.digest(element)).toMatch(/^[0-9a-f]{64}$/);
        expect(await store.digest(element)).toBe(await (await open()).digest(element));
      }
      expect(await store.digest('X')).not.toBe(await store.digest('layers/counts'));
      expect(await store.fingerprint(['X', 'obs/_index'])).toBe(await (await open()).fingerprint(['X', 'obs/_index']));
      await expect(store.digest('layers/nothing')).rejects.toMatchObject({ type: 'InvalidInput' });
    });
  });
}

function comparable(column: Column): ExpectedColumn {
  if (column.kind === 'categories') return { ...column, codes: [...column.codes] };
  if (column.kind === 'numbers') return { ...column, values: Array.from(column.values, spelled) };
  return column;
}

const spelled = (value: number): number | string => (Number.isNaN(value) ? 'NaN' : value);

/** All rows of a range as dense rows, after checking the shape of every block. */
export async function rowsOf(store: AnnData, path: MatrixPath, range: RowRange = {}): Promise<number[][]> {
  const rows: number[][] = [];
  const first = range.start ?? 0;
  for await (const block of store.rowBlocks(path, range)) {
    expect(block.start).toBe(first + rows.length);
    expect(block.rows).toBeLessThanOrEqual(range.blockRows ?? 4096);
    rows.push(...denseRows(block));
  }
  return rows;
}

function denseRows(block: RowBlock): number[][] {
  const { rows, columns, values } = block;
  if (block.kind === 'dense') {
    expect(values.length).toBe(rows * columns);
    return Array.from({ length: rows }, (_, row) => [...values.subarray(row * columns, (row + 1) * columns)]);
  }
  expect(block.indptr.length).toBe(rows + 1);
  expect([block.indptr[0], block.indptr[rows]]).toEqual([0, values.length]);
  return Array.from({ length: rows }, (_, row) => {
    const dense = new Array<number>(columns).fill(0);
    let previous = -1;
    for (let i = block.indptr[row]!; i < block.indptr[row + 1]!; i++) {
      const column = block.indices[i]!;
      expect(column).toBeGreaterThan(previous);
      previous = column;
      dense[column] = values[i]!;
    }
    return dense;
  });
}
