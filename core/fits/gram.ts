import { BLOCK_ROWS } from '../anndata/types.js';
import { CrossProducts, triangleLength } from '../kernels/cross-products.js';
import type { ExpressionBlock } from '../methods/expression.js';
import type { TaskContext } from '../tasks/types.js';
import { createPartial, openPartial, type PartialHeader, type PartialReader } from './partial-file.js';
import type { Fit } from './types.js';

/** Gram matrix of chosen genes over one chunk or several: arrays `sums` (genes) and `products` (upper triangle, packed by rows). */
export interface GramHeader extends PartialHeader {
  readonly arrays: { readonly sums: number; readonly products: number };
  readonly chunks: Fit['chunks'];
  readonly cells: number;
  readonly genes: number;
}

export type GramReader = PartialReader<GramHeader>;

export const openGram = (path: string): Promise<GramReader> => openPartial<GramHeader>(path);

/** Sums and cross products of chosen genes' log-normalised expression. */
export interface Gram {
  readonly sums: Float64Array;
  readonly products: Float64Array;
}

/**
 * Sums a chunk's cells in float64, from blocks of any size that divides BLOCK_ROWS and have nothing but chosen columns. `columns` tells each column's position
 * among the `genes` chosen ones, or -1. Every block of BLOCK_ROWS cells is summed on its own and added in row order.
 */
export async function accumulateGram(
  blocks: AsyncIterable<ExpressionBlock>,
  columns: Int32Array,
  genes: number,
): Promise<Gram> {
  const order = new Int32Array(genes).fill(-1);
  for (const [column, position] of columns.entries()) if (position >= 0) order[position] = column;
  const chosen = order.filter((column) => column >= 0).sort();
  let kernel: CrossProducts | null = null;
  for await (const block of blocks) {
    kernel ??= new CrossProducts(chosen, block);
    kernel.add(block);
    if ((block.start + block.rows) % BLOCK_ROWS === 0) kernel.endBlock();
  }
  kernel?.endBlock();
  return {
    sums: kernel?.sums(order) ?? new Float64Array(genes),
    products: kernel?.triangle(order) ?? new Float64Array(triangleLength(genes)),
  };
}

export async function writeGram(path: string, header: Omit<GramHeader, 'arrays'>, gram: Gram): Promise<void> {
  const arrays = { sums: gram.sums.length, products: gram.products.length };
  const writer = await createPartial(path, { arrays, ...header } as GramHeader);
  try {
    await writer.write('sums', 0, gram.sums);
    await writer.write('products', 0, gram.products);
    await writer.commit();
  } finally {
    await writer.abandon();
  }
}

/** Values that are added at a time when partials are merged. */
const PIECE = 1 << 18;

/** Adds partials over the same genes, in order, a piece at a time. */
export async function mergeGrams(inputs: readonly GramReader[], path: string, context: TaskContext): Promise<void> {
  const { arrays, genes } = inputs[0]!.header;
  const chunks = inputs.flatMap((input) => input.header.chunks);
  const cells = inputs.reduce((sum, input) => sum + input.header.cells, 0);
  const writer = await createPartial(path, { arrays, chunks, cells, genes } as GramHeader);
  try {
    for (const array of ['sums', 'products'] as const) {
      for (let start = 0; start < arrays[array]; start += PIECE) {
        context.checkCancelled();
        await writer.write(
          array,
          start,
          await addedPiece(inputs, array, start, Math.min(PIECE, arrays[array] - start)),
        );
        context.progress(Math.min(arrays[array], start + PIECE), arrays[array]);
      }
    }
    await writer.commit();
  } finally {
    await writer.abandon();
  }
}

async function addedPiece(
  inputs: readonly GramReader[],
  array: 'sums' | 'products',
  start: number,
  length: number,
): Promise<Float64Array> {
  const total = new Float64Array(length);
  const piece = new Float64Array(length);
  for (const input of inputs) {
    await input.read(array, start, piece);
    for (let index = 0; index < length; index++) total[index]! += piece[index]!;
  }
  return total;
}
