import { BLOCK_ROWS, type SparseBlock } from '../anndata/types.js';
import { CrossProducts, KERNEL_ROWS, triangleLength } from '../kernels/cross-products.js';
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
 * Sums a chunk's cells in float64, from blocks of any size that divides BLOCK_ROWS. `columns` tells each column's position among the `genes` chosen ones, or -1. Every
 * block of BLOCK_ROWS cells is summed on its own and added in row order.
 */
export async function accumulateGram(
  blocks: AsyncIterable<SparseBlock>,
  columns: Int32Array,
  genes: number,
): Promise<Gram> {
  const total: Gram = { sums: new Float64Array(genes), products: new Float64Array(triangleLength(genes)) };
  const kernel = new CrossProducts(genes);
  const blockSums = new Float64Array(genes);
  const rows = new ChosenColumns(genes);
  const endBlock = (): void => {
    moveInto(total.sums, blockSums);
    moveInto(total.products, kernel.triangle);
  };
  for await (const block of blocks) {
    for (let start = 0; start < block.rows; start += KERNEL_ROWS) {
      const chosen = rows.take(block, start, Math.min(block.rows, start + KERNEL_ROWS), columns);
      const stored = chosen.indptr[chosen.rows]!;
      for (let position = 0; position < stored; position++)
        blockSums[chosen.columns[position]!]! += chosen.values[position]!;
      kernel.add(chosen);
    }
    if ((block.start + block.rows) % BLOCK_ROWS === 0) endBlock();
  }
  endBlock();
  return total;
}

function moveInto(total: Float64Array, part: Float64Array): void {
  for (let index = 0; index < total.length; index++) total[index]! += part[index]!;
  part.fill(0);
}

/** A few rows of a block, chosen columns only. */
class ChosenColumns {
  readonly #indptr = new Int32Array(KERNEL_ROWS + 1);
  readonly #columns: Int32Array;
  readonly #values: Float32Array;

  constructor(genes: number) {
    this.#columns = new Int32Array(KERNEL_ROWS * genes);
    this.#values = new Float32Array(KERNEL_ROWS * genes);
  }

  take({ indptr, indices, values }: SparseBlock, start: number, end: number, columns: Int32Array) {
    let stored = 0;
    for (let row = start; row < end; row++) {
      for (let position = indptr[row]!; position < indptr[row + 1]!; position++) {
        const column = columns[indices[position]!]!;
        if (column < 0) continue;
        this.#columns[stored] = column;
        this.#values[stored++] = values[position]!;
      }
      this.#indptr[row - start + 1] = stored;
    }
    return { rows: end - start, indptr: this.#indptr, columns: this.#columns, values: this.#values };
  }
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
