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

/** Values that are read at a time when partials are added. */
const PIECE = 1 << 18;

/** Header of partials over the same genes as one. */
export function addedHeader(inputs: readonly GramReader[]): Omit<GramHeader, 'arrays'> {
  return {
    chunks: inputs.flatMap((input) => input.header.chunks),
    cells: inputs.reduce((sum, input) => sum + input.header.cells, 0),
    genes: inputs[0]!.header.genes,
  };
}

/** Partials over the same genes, added in order, a piece at a time. */
export async function addGrams(inputs: readonly GramReader[], context: TaskContext): Promise<Gram> {
  const { arrays } = inputs[0]!.header;
  const gram: Gram = { sums: new Float64Array(arrays.sums), products: new Float64Array(arrays.products) };
  const piece = new Float64Array(Math.min(PIECE, Math.max(arrays.sums, arrays.products)));
  for (const array of ['sums', 'products'] as const) {
    for (let start = 0; start < arrays[array]; start += PIECE) {
      context.checkCancelled();
      const total = gram[array].subarray(start, start + PIECE);
      const read = piece.subarray(0, total.length);
      for (const input of inputs) {
        await input.read(array, start, read);
        for (let index = 0; index < total.length; index++) total[index]! += read[index]!;
      }
      context.progress(start + total.length, arrays[array]);
    }
  }
  return gram;
}
