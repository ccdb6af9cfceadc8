import { sparseRowBlocks } from '../anndata/sparse-row-blocks.js';
import type {
  AnnData,
  BlockValues,
  Float32Block,
  MatrixPath,
  RowBlock,
  RowRange,
  SparseBlock,
} from '../anndata/types.js';
import type { ChunkScan } from '../dataset/types.js';
import { invalidInput, type Problem } from '../errors.js';
import { logNormalizeRows } from '../kernels/log-normalize.js';
import { notACount } from './counts.js';
import type { ChunkSummary } from './types.js';

/** A row block of log-normalised expression. Its arrays are valid only until the next block is asked for. */
export type ExpressionBlock = Float32Block;

/** True where a block has the form of expression; X may have it as it is stored. */
export const isExpression = (block: RowBlock): block is ExpressionBlock =>
  block.kind === 'sparse' && block.values instanceof Float32Array;

/** What a scan says about expression. */
type ExpressionScan = Pick<ChunkScan, 'name' | 'expression' | 'noExpression'>;

/** The matrix that a chunk's expression is read from; InvalidInput where none can come from it. */
export function expressionMatrix({ name, expression, noExpression }: ExpressionScan): MatrixPath {
  if (noExpression) throw invalidInput(noExpression.message, noExpression.remedy);
  if (expression === null) throw new TypeError(`${name} was scanned without X, which asks for expression`);
  return expression === 'layers/counts' ? 'layers/counts' : 'X';
}

/** What a method that reads expression lists in `reads`: X stands for the matrix that the scan finds expression in. */
export const EXPRESSION_ELEMENTS: readonly string[] = ['X'];

/** Refusal of a chunk from which no expression can come; for the `problems` of methods that read it. */
export function expressionProblems(chunk: ChunkSummary): Problem[] {
  if (chunk.hasX || chunk.layers.includes('counts')) return [];
  return [
    {
      message: `${chunk.name} has neither X nor layers/counts`,
      remedy: 'Store log-normalised expression in X or raw counts in layers/counts.',
      where: chunk.name,
    },
  ];
}

/**
 * Streams a chunk's log-normalised expression as CSR blocks of float32: X as it is stored, or counts normalised to
 * 10,000 per cell and log1p (as scanpy, within 1 ulp; dense matrices lose their zeros). Rows do not depend on the block
 * they come in. InvalidInput for counts that are negative or not finite.
 */
export async function* expressionBlocks(
  chunk: AnnData,
  scan: ExpressionScan,
  range: RowRange = {},
): AsyncGenerator<ExpressionBlock> {
  const path = expressionMatrix(scan);
  const values = new Float32Buffer();
  for await (const block of sparseRowBlocks(chunk, path, range)) {
    const stored = block.indptr[block.rows]!;
    if (scan.expression === 'X') {
      yield { ...block, values: asFloat32(block.values, stored, values) };
      continue;
    }
    refuseBadCounts(block, path, scan.name);
    const normalized = values.take(stored);
    logNormalizeRows(block.indptr, block.values, normalized);
    yield { ...block, values: normalized };
  }
}

function asFloat32(values: BlockValues, stored: number, buffer: Float32Buffer): Float32Array {
  if (values instanceof Float32Array) return values;
  const converted = buffer.take(stored);
  converted.set(values.subarray(0, stored));
  return converted;
}

function refuseBadCounts(block: SparseBlock, path: MatrixPath, name: string): void {
  const { indptr, values } = block;
  const stored = indptr[block.rows]!;
  let at = 0;
  while (at < stored && values[at]! >= 0 && values[at]! < Number.POSITIVE_INFINITY) at++;
  if (at === stored) return;
  throw notACount(block, at, path, name, 'counts (finite, 0 or more)');
}

/** A float32 buffer that grows and is reused from block to block. */
class Float32Buffer {
  #values = new Float32Array(0);

  take(length: number): Float32Array {
    if (this.#values.length < length) this.#values = new Float32Array(Math.ceil(length * 1.25));
    return this.#values.subarray(0, length);
  }
}
