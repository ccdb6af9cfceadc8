import { sliceRows } from '../anndata/slice-rows.js';
import { boundedBlockRows } from '../anndata/sparse-row-blocks.js';
import { type AnnData, READ_ROWS, type RowBlock } from '../anndata/types.js';
import type { ChunkScan } from '../dataset/types.js';
import { expressionBlocks } from '../methods/expression.js';
import type { Embedder } from '../methods/types.js';

/** Rows [start, end) of a chunk. */
export interface Rows {
  readonly start: number;
  readonly end: number;
}

/** Reads rows of the matrix that an embedder reads, as blocks. */
export type MatrixBlocks = (rows: Rows) => AsyncIterable<RowBlock>;

/** A stretch of rows that is there to be embedded, until the next one is asked for. */
export interface EmbedderRows {
  readonly start: number;
  readonly rows: number;
  /** Embeds rows [from, to), counted from `start`: fills all of `out`, whatever it holds. */
  embed(from: number, to: number, out: Float32Array): void | Promise<void>;
}

/** Rows in the form that an embedder reads: blocks of a matrix, or nothing where it reads prepared rows itself. */
export async function* rowsFor(embedder: Embedder, blocks: MatrixBlocks, rows: Rows): AsyncGenerator<EmbedderRows> {
  if (embedder.source === 'prepared') {
    for (let start = rows.start; start < rows.end; start += READ_ROWS) {
      const embed: EmbedderRows['embed'] = (from, to, out) => embedder.embedRows(start + from, start + to, out.fill(0));
      yield { start, rows: Math.min(READ_ROWS, rows.end - start), embed };
    }
    return;
  }
  for await (const block of blocks(rows)) {
    const embed: EmbedderRows['embed'] = (from, to, out) => embedder.embed(sliceRows(block, from, to), out);
    yield { start: block.start, rows: block.rows, embed };
  }
}

/** Reads the matrix that embedders of a source read; none where they read what was prepared. */
export function matrixBlocks(source: Embedder['source'], input: AnnData, scan: ChunkScan): MatrixBlocks {
  if (source === 'expression') return (rows) => expressionBlocks(input, scan, { ...rows, blockRows: READ_ROWS });
  return async function* (rows) {
    if (source === 'prepared') return;
    const blockRows = boundedBlockRows(await input.matrix('layers/counts'), READ_ROWS);
    yield* input.rowBlocks('layers/counts', { ...rows, blockRows });
  };
}
