import type { DenseBlock, RowBlock, SparseBlock } from '../anndata/types.js';
import type { TokenizerSettings, Vocabulary } from '../inference/bundle/types.js';
import type { GeneSlots } from './gene-slots.js';
import { Ranker } from './ranker.js';

/** numpy's types whose quotient with a float32 is a float32. */
const WITHIN_FLOAT32: ReadonlySet<string> = new Set(['float32', 'float16', 'int8', 'uint8', 'int16', 'uint16', 'bool']);

/** How numpy and scipy round, which decides ranks of nearly equal genes. */
export interface Arithmetic {
  /** scipy multiplies sparse matrices by reciprocals; numpy divides dense ones. */
  readonly sparse: boolean;
  /** Reciprocals of cell sums are float32. */
  readonly float32Sums: boolean;
  /** Scaled counts are rounded to float32 at each step before they are divided by medians. */
  readonly float32Products: boolean;
}

/** @param counts, sums numpy names of the types of the matrix and of the sums of cells, e.g. "int32", "float32" */
export function arithmeticOf(encoding: 'csr' | 'csc' | 'dense', counts: string, sums: string): Arithmetic {
  const float32Sums = sums === 'float32';
  return { sparse: encoding !== 'dense', float32Sums, float32Products: float32Sums && WITHIN_FLOAT32.has(counts) };
}

/**
 * Rank-value encoding of single cells, equal to the Geneformer tokenizer with a stable sort: counts scaled to a fixed sum
 * and divided by gene medians, genes in descending order, cut to the input size. Stored zeros of sparse matrices rank last.
 */
export class CellTokenizer {
  /** Whether the last cell had more genes than there is room for. */
  cut = false;
  readonly #slots: GeneSlots;
  readonly #arithmetic: Arithmetic;
  readonly #reciprocals: Float64Array;
  readonly #targetSum: number;
  readonly #most: number;
  readonly #wrap: readonly [number, number] | null;
  readonly #ranker: Ranker;
  readonly #slotAt: Int32Array;
  readonly #sums: Float64Array;

  constructor(slots: GeneSlots, settings: TokenizerSettings, vocabulary: Vocabulary, arithmetic: Arithmetic) {
    this.#slots = slots;
    this.#arithmetic = arithmetic;
    this.#reciprocals = slots.medians.map((median) => 1 / median);
    this.#targetSum = settings.targetSum;
    this.#wrap = settings.specialToken ? [vocabulary.special['<cls>']!, vocabulary.special['<eos>']!] : null;
    this.#most = settings.inputSize - (this.#wrap ? 2 : 0);
    this.#ranker = new Ranker(slots.tokens.length);
    this.#slotAt = new Int32Array(slots.tokens.length);
    this.#sums = new Float64Array(slots.tokens.length - slots.firstSum);
  }

  /**
   * Writes the tokens of one row of a block to `out` from `at` on (room for the input size) and returns where they end;
   * `at` where the cell has no gene of the vocabulary.
   * @param sum total counts of the cell, above 0 where it has any
   */
  tokenize(block: RowBlock, row: number, sum: number, out: Uint16Array, at: number): number {
    const length = block.kind === 'sparse' ? this.#gatherSparse(block, row, sum) : this.#gatherDense(block, row, sum);
    this.cut = length > this.#most;
    if (length === 0) return at;
    const order = this.#ranker.descending(length);
    const { tokens } = this.#slots;
    const slotAt = this.#slotAt;
    const kept = Math.min(length, this.#most);
    let end = at;
    if (this.#wrap) out[end++] = this.#wrap[0];
    for (let rank = 0; rank < kept; rank++) out[end++] = tokens[slotAt[order[rank]!]!]!;
    if (this.#wrap) out[end++] = this.#wrap[1];
    return end;
  }

  #gatherSparse(block: SparseBlock, row: number, sum: number): number {
    const { slotOf, firstSum } = this.#slots;
    const { indices, indptr, values } = block;
    const sums = this.#sums;
    const factor = this.#factor(sum);
    let length = 0;
    const end = indptr[row + 1]!;
    for (let stored = indptr[row]!; stored < end; stored++) {
      const slot = slotOf[indices[stored]!]!;
      if (slot < 0) continue;
      if (slot >= firstSum) sums[slot - firstSum]! += values[stored]!;
      else length = this.#put(length, slot, values[stored]!, factor);
    }
    return this.#putSums(length, factor);
  }

  #gatherDense(block: DenseBlock, row: number, sum: number): number {
    const { slotOf, firstSum } = this.#slots;
    const { values } = block;
    const sums = this.#sums;
    const factor = this.#factor(sum);
    const start = row * block.columns;
    let length = 0;
    for (let column = 0; column < block.columns; column++) {
      const value = values[start + column]!;
      const slot = slotOf[column]!;
      if (value === 0 || slot < 0) continue;
      if (slot >= firstSum) sums[slot - firstSum]! += value;
      else length = this.#put(length, slot, value, factor);
    }
    return this.#putSums(length, factor);
  }

  /** What counts are multiplied by (sparse) or divided by (dense). */
  #factor(sum: number): number {
    const { sparse, float32Sums } = this.#arithmetic;
    if (!sparse) return sum;
    return float32Sums ? Math.fround(1 / sum) : 1 / sum;
  }

  #put(length: number, slot: number, count: number, factor: number): number {
    const { sparse, float32Products } = this.#arithmetic;
    let scaled = sparse ? count * factor : count / factor;
    if (float32Products) scaled = Math.fround(scaled);
    scaled *= this.#targetSum;
    if (float32Products) scaled = Math.fround(scaled);
    this.#ranker.values[length] = sparse ? scaled * this.#reciprocals[slot]! : scaled / this.#slots.medians[slot]!;
    this.#slotAt[length] = slot;
    return length + 1;
  }

  /** Genes summed from several columns come last; a sum of 0 is no gene of the cell. */
  #putSums(length: number, factor: number): number {
    const sums = this.#sums;
    for (let i = 0; i < sums.length; i++) {
      if (sums[i] === 0) continue;
      length = this.#put(length, this.#slots.firstSum + i, sums[i]!, factor);
      sums[i] = 0;
    }
    return length;
  }
}
