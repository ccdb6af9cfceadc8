import { join } from 'node:path';
import type { Column } from '../anndata/types.js';
import { consolidate } from '../anndata/zarr-write/consolidate.js';
import { CsrWriter } from '../anndata/zarr-write/csr-writer.js';
import { writeDataframe } from '../anndata/zarr-write/dataframe.js';
import { writeGroupMetadata } from '../anndata/zarr-write/metadata.js';
import { logNormalizeRows } from '../kernels/log-normalize.js';
import { type ChunkColumn, type SourceColumn, takeRows } from './columns.js';
import type { CountRows } from './count-rows.js';
import type { CarriedElement } from './source.js';

/** Genes of a file as its chunks get them. */
export interface ChunkGenes {
  readonly names: readonly string[];
  readonly columns: ReadonlyMap<string, ChunkColumn>;
}

/** All cells of a file; chunks take their rows of them. */
export interface FileCells {
  readonly names: readonly string[];
  readonly columns: ReadonlyMap<string, SourceColumn>;
  /** What else the input says about them. */
  readonly carried: readonly CarriedElement[];
}

/**
 * Writes one chunk: a zarr v2 AnnData store with X (counts per 10,000, log1p; float32), layers/counts (int32), obs, var
 * and what is carried over. Peak memory is a few storage chunks and a few bytes per cell.
 */
export class ChunkWriter {
  readonly #folder: string;
  readonly #genes: ChunkGenes;
  readonly #x: CsrWriter;
  readonly #counts: CsrWriter;
  readonly #cells: number[] = [];
  readonly #totals: number[] = [];

  constructor(folder: string, genes: ChunkGenes) {
    this.#folder = folder;
    this.#genes = genes;
    this.#x = new CsrWriter(join(folder, 'X'), genes.names.length, 'float32');
    this.#counts = new CsrWriter(join(folder, 'layers', 'counts'), genes.names.length, 'int32');
  }

  get cells(): number {
    return this.#cells.length;
  }

  async append(rows: CountRows): Promise<void> {
    const normalized = new Float32Array(rows.counts.length);
    logNormalizeRows(rows.indptr, rows.counts, normalized);
    await this.#x.append(rows.indptr, rows.indices, normalized);
    await this.#counts.append(rows.indptr, rows.indices, rows.counts);
    rows.cells.forEach((cell, row) => {
      this.#cells.push(cell);
      this.#totals.push(
        rows.counts.subarray(rows.indptr[row], rows.indptr[row + 1]).reduce((sum, count) => sum + count, 0),
      );
    });
  }

  /** Writes obs (the file's columns, n_counts, total_counts, sample_index), var and all that makes it an AnnData store. */
  async finish(file: FileCells): Promise<void> {
    const folder = this.#folder;
    await this.#x.finish();
    await this.#counts.finish();
    const totals: Column = { kind: 'numbers', values: Float64Array.from(this.#totals), dtype: 'float32' };
    const index: Column = { kind: 'numbers', values: Float64Array.from(this.#cells, (_, row) => row), dtype: 'int64' };
    const cells = Int32Array.from(this.#cells);
    const columns = new Map<string, ChunkColumn>();
    for (const [name, column] of file.columns) columns.set(name, takeRows(column, cells));
    columns.set('n_counts', totals).set('total_counts', totals).set('sample_index', index);
    const names = this.#cells.map((cell) => file.names[cell]!);
    await writeDataframe(join(folder, 'obs'), names, columns);
    await writeDataframe(join(folder, 'var'), this.#genes.names, this.#genes.columns);
    for (const group of ['layers', 'obsm', 'varm', 'obsp', 'varp', 'uns']) {
      await writeGroupMetadata('zarr-v2', join(folder, group), {
        'encoding-type': 'dict',
        'encoding-version': '0.1.0',
      });
    }
    for (const { path, write } of file.carried) await write(join(folder, path), cells);
    await writeGroupMetadata('zarr-v2', folder, { 'encoding-type': 'anndata', 'encoding-version': '0.1.0' });
    await consolidate(folder);
  }
}
