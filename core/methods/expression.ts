import type { AnnData, BlockValues, MatrixPath, RowBlock, RowRange, SparseBlock } from '../anndata/types.js';
import type { ChunkScan } from '../dataset/types.js';
import { invalidInput, type Problem } from '../errors.js';
import { logNormalizeRows } from '../kernels/log-normalize.js';
import type { ChunkSummary } from './types.js';

/** A row block of log-normalised expression. Its arrays are valid only until the next block is asked for. */
export type ExpressionBlock = SparseBlock & { readonly values: Float32Array };

/** The matrix that a chunk's expression is read from. */
export const expressionMatrix = (scan: Pick<ChunkScan, 'expression'>): MatrixPath =>
  scan.expression === 'layers/counts' ? 'layers/counts' : 'X';

/** What a method that reads expression lists in `reads`. The scan adds the counts where expression is made from them. */
export const expressionElements = (chunk: ChunkSummary): string[] => (chunk.hasX ? ['X'] : ['layers/counts']);

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
  scan: Pick<ChunkScan, 'name' | 'expression'>,
  range: RowRange = {},
): AsyncGenerator<ExpressionBlock> {
  const path = expressionMatrix(scan);
  const rows = new SparseRows();
  const values = new Float32Buffer();
  for await (const block of chunk.rowBlocks(path, range)) {
    const sparse = block.kind === 'sparse' ? block : rows.of(block);
    const stored = sparse.indptr[sparse.rows]!;
    if (scan.expression === 'X') {
      yield { ...sparse, values: asFloat32(sparse.values, stored, values) };
      continue;
    }
    refuseBadCounts(sparse, path, scan.name);
    const normalized = values.take(stored);
    logNormalizeRows(sparse.indptr, sparse.values, normalized);
    yield { ...sparse, values: normalized };
  }
}

function asFloat32(values: BlockValues, stored: number, buffer: Float32Buffer): Float32Array {
  if (values instanceof Float32Array) return values;
  const converted = buffer.take(stored);
  converted.set(values.subarray(0, stored));
  return converted;
}

function refuseBadCounts(block: SparseBlock, path: MatrixPath, name: string): void {
  const { indptr, indices, values } = block;
  const stored = indptr[block.rows]!;
  let at = 0;
  while (at < stored && values[at]! >= 0 && values[at]! < Number.POSITIVE_INFINITY) at++;
  if (at === stored) return;
  let row = 0;
  while (indptr[row + 1]! <= at) row++;
  throw invalidInput(
    `${path} of ${name} holds ${values[at]} at row ${block.start + row}, column ${indices[at]}; counts (finite, 0 or more) were expected`,
    `Store raw counts in ${path}.`,
  );
}

/** A float32 buffer that grows and is reused from block to block. */
class Float32Buffer {
  #values = new Float32Array(0);

  take(length: number): Float32Array {
    if (this.#values.length < length) this.#values = new Float32Array(Math.ceil(length * 1.25));
    return this.#values.subarray(0, length);
  }
}

/** Turns dense blocks into CSR, in buffers that are reused. */
class SparseRows {
  #indices = new Int32Array(0);
  #values: BlockValues = new Float32Array(0);

  of(block: Extract<RowBlock, { kind: 'dense' }>): SparseBlock {
    const { start, rows, columns, values } = block;
    const stored = countNonZeros(values, rows * columns);
    if (this.#indices.length < stored) this.#indices = new Int32Array(Math.ceil(stored * 1.25));
    if (this.#values.length < stored || this.#values.constructor !== values.constructor) {
      this.#values = new (values.constructor as new (length: number) => BlockValues)(this.#indices.length);
    }
    const indices = this.#indices;
    const kept = this.#values;
    const indptr = new Int32Array(rows + 1);
    let next = 0;
    for (let row = 0; row < rows; row++) {
      const from = row * columns;
      for (let column = 0; column < columns; column++) {
        const value = values[from + column]!;
        if (value === 0) continue;
        indices[next] = column;
        kept[next] = value;
        next++;
      }
      indptr[row + 1] = next;
    }
    return {
      kind: 'sparse',
      start,
      rows,
      columns,
      indptr,
      indices: indices.subarray(0, next),
      values: kept.subarray(0, next),
    };
  }
}

function countNonZeros(values: BlockValues, length: number): number {
  let count = 0;
  for (let at = 0; at < length; at++) if (values[at] !== 0) count++;
  return count;
}
