import { sliceRows } from '../anndata/slice-rows.js';
import { boundedBlockRows } from '../anndata/sparse-row-blocks.js';
import { type AnnData, READ_ROWS, type RowRange } from '../anndata/types.js';
import type { ChunkScan } from '../dataset/types.js';
import { expressionBlocks } from '../methods/expression.js';
import type { Embedder, MatrixEmbedder } from '../methods/types.js';

/** A stretch of rows that is there to be embedded, until the next one is asked for. */
export interface EmbedderRows {
  readonly start: number;
  readonly rows: number;
  /** Embeds rows [from, to), counted from `start`, into `out` (zeroed beforehand). */
  embed(from: number, to: number, out: Float32Array): void | Promise<void>;
}

/** The rows of a range in the form that an embedder reads: blocks of a matrix, or nothing where it reads prepared rows itself. */
export async function* rowsFor(
  embedder: Embedder,
  input: AnnData,
  scan: ChunkScan,
  range: RowRange & { readonly start: number; readonly end: number },
): AsyncGenerator<EmbedderRows> {
  if (embedder.source === 'prepared') {
    for (let start = range.start; start < range.end; start += READ_ROWS) {
      const embed: EmbedderRows['embed'] = (from, to, out) => embedder.embedRows(start + from, start + to, out);
      yield { start, rows: Math.min(READ_ROWS, range.end - start), embed };
    }
    return;
  }
  for await (const block of matrixBlocks(embedder, input, scan, range)) {
    const embed: EmbedderRows['embed'] = (from, to, out) => embedder.embed(sliceRows(block, from, to), out);
    yield { start: block.start, rows: block.rows, embed };
  }
}

async function* matrixBlocks({ source }: MatrixEmbedder, input: AnnData, scan: ChunkScan, range: RowRange) {
  if (source === 'expression') return yield* expressionBlocks(input, scan, { ...range, blockRows: READ_ROWS });
  const blockRows = boundedBlockRows(await input.matrix('layers/counts'), READ_ROWS);
  yield* input.rowBlocks('layers/counts', { ...range, blockRows });
}
