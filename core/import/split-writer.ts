import { join } from 'node:path';
import { type ChunkGenes, ChunkWriter, type FileCells } from './chunk-writer.js';
import { type CountRows, sliceRows } from './count-rows.js';
import type { ImportedChunk, ImportSplit } from './types.js';

/** Hands out chunk numbers: each split counts from 0 over all files. */
export class ChunkNumbers {
  readonly #next = new Map<ImportSplit, number>();

  take(split: ImportSplit): number {
    const number = this.#next.get(split) ?? 0;
    this.#next.set(split, number + 1);
    return number;
  }
}

export interface SplitTarget {
  readonly split: ImportSplit;
  /** Folder of the staged data set. */
  readonly folder: string;
  /** Path of the data set when published, relative to the base folder. */
  readonly root: string;
  readonly file: string;
  readonly chunkCells: number;
  readonly numbers: ChunkNumbers;
}

/** Divides the cells of one file and split into chunks of `chunkCells` cells; the last has the rest. */
export class SplitWriter {
  readonly chunks: ImportedChunk[] = [];
  readonly #target: SplitTarget;
  readonly #genes: ChunkGenes;
  readonly #cells: FileCells;
  #open: { writer: ChunkWriter; name: string } | undefined;

  constructor(target: SplitTarget, genes: ChunkGenes, cells: FileCells) {
    this.#target = target;
    this.#genes = genes;
    this.#cells = cells;
  }

  async append(rows: CountRows): Promise<void> {
    for (let start = 0; start < rows.cells.length; ) {
      this.#open ??= this.#begin();
      const { writer } = this.#open;
      const end = Math.min(rows.cells.length, start + this.#target.chunkCells - writer.cells);
      await writer.append(sliceRows(rows, start, end));
      if (writer.cells === this.#target.chunkCells) await this.finish();
      start = end;
    }
  }

  /** Finishes the chunk that is open, if any. */
  async finish(): Promise<void> {
    if (!this.#open) return;
    const { writer, name } = this.#open;
    await writer.finish(this.#cells);
    const { root, file } = this.#target;
    this.chunks.push({
      name,
      path: `${root}/${name}.zarr`,
      cells: writer.cells,
      genes: this.#genes.names.length,
      file,
    });
    this.#open = undefined;
  }

  #begin(): { writer: ChunkWriter; name: string } {
    const { split, folder, numbers } = this.#target;
    const name = `${split}/chunk_${numbers.take(split)}`;
    return { writer: new ChunkWriter(join(folder, `${name}.zarr`), this.#genes), name };
  }
}
