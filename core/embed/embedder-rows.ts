import { sliceRows } from '../anndata/slice-rows.js';
import { boundedBlockRows } from '../anndata/sparse-row-blocks.js';
import { type AnnData, READ_ROWS, type RowBlock } from '../anndata/types.js';
import type { ChunkScan } from '../dataset/types.js';
import { expressionBlocks } from '../methods/expression.js';
import type { KeptExpression } from '../methods/kept-expression.js';
import type { Embedder } from '../methods/types.js';

/** Rows [start, end) of a chunk. */
export interface Rows {
  readonly start: number;
  readonly end: number;
}

/** Rows, and who looks at which columns of them (see MatrixEmbedder); absent where somebody looks at all. */
export interface WantedRows extends Rows {
  readonly columns?: readonly Int32Array[];
}

/** Reads rows of the matrix that an embedder reads, as blocks; they may lack columns that nobody looks at. */
export type MatrixBlocks = (rows: WantedRows) => AsyncIterable<RowBlock>;

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
  const wanted = embedder.columns ? { ...rows, columns: [embedder.columns] } : rows;
  for await (const block of blocks(wanted)) {
    const embed: EmbedderRows['embed'] = (from, to, out) => embedder.embed(sliceRows(block, from, to), out);
    yield { start: block.start, rows: block.rows, embed };
  }
}

/**
 * Reads the matrix that embedders of a source read; none where they read what was prepared. Expression comes from what an
 * earlier pass `kept` of it where that has all columns that anybody looks at.
 */
export function matrixBlocks(
  source: Embedder['source'],
  input: AnnData,
  scan: ChunkScan,
  kept: KeptExpression | null = null,
): MatrixBlocks {
  if (source === 'expression') {
    return ({ columns, ...rows }) =>
      kept && columns?.every((looked) => kept.covers(looked))
        ? kept.blocks(rows)
        : expressionBlocks(input, scan, { ...rows, blockRows: READ_ROWS });
  }
  return async function* (rows) {
    if (source === 'prepared') return;
    const blockRows = boundedBlockRows(await input.matrix('layers/counts'), READ_ROWS);
    yield* input.rowBlocks('layers/counts', { ...rows, blockRows });
  };
}
