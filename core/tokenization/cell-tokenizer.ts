import type { RowBlock } from '../anndata/types.js';
import type { TokenizerSettings, Vocabulary } from '../inference/bundle/types.js';
import { FIRST_SUM, GeneRanking, type RankedColumns } from '../kernels/gene-ranking.js';
import type { GeneSlots } from './gene-slots.js';

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
  readonly #ranking: GeneRanking;
  readonly #arithmetic: Arithmetic;
  readonly #most: number;
  readonly #wrap: readonly [number, number] | null;

  constructor(slots: GeneSlots, settings: TokenizerSettings, vocabulary: Vocabulary, arithmetic: Arithmetic) {
    const { sparse, float32Products } = arithmetic;
    this.#arithmetic = arithmetic;
    this.#wrap = settings.specialToken ? [vocabulary.special['<cls>']!, vocabulary.special['<eos>']!] : null;
    this.#most = settings.inputSize - (this.#wrap ? 2 : 0);
    this.#ranking = new GeneRanking({
      columns: columnsOf(slots, sparse),
      sums: sumsOf(slots, sparse),
      targetSum: settings.targetSum,
      sparse,
      float32Products,
      most: this.#most,
    });
  }

  /** Takes the next cell and returns the sum of its counts; null where its values are no counts. */
  take(block: RowBlock, row: number): number | null {
    this.#ranking.take(block, row);
    return this.#ranking.areCounts() ? this.#ranking.sum() : null;
  }

  /**
   * Writes the tokens of the cell that was taken to `out` from `at` on (room for the input size) and returns where they
   * end; `at` where the cell has no gene of the vocabulary.
   * @param sum total counts of the cell, above 0
   */
  tokenize(sum: number, out: Uint16Array, at: number): number {
    const start = this.#wrap ? at + 1 : at;
    const genes = this.#ranking.rank(this.#factor(sum), out, start);
    this.cut = genes > this.#most;
    if (genes === 0) return at;
    const end = start + Math.min(genes, this.#most);
    if (this.#wrap === null) return end;
    out[at] = this.#wrap[0];
    out[end] = this.#wrap[1];
    return end + 1;
  }

  /** What counts are multiplied by (sparse) or divided by (dense). */
  #factor(sum: number): number {
    const { sparse, float32Sums } = this.#arithmetic;
    if (!sparse) return sum;
    return float32Sums ? Math.fround(1 / sum) : 1 / sum;
  }
}

function columnsOf(slots: GeneSlots, sparse: boolean): RankedColumns {
  const { slotOf, firstSum, tokens } = slots;
  const worth = worthOfSlots(slots, sparse);
  return {
    worth: Float64Array.from(slotOf, (slot) => worth[slot] ?? 0),
    codes: slotOf.map((slot) => (slot >= firstSum ? FIRST_SUM + slot - firstSum : (tokens[slot] ?? -1))),
  };
}

function sumsOf(slots: GeneSlots, sparse: boolean): RankedColumns {
  const { firstSum, tokens } = slots;
  return {
    worth: worthOfSlots(slots, sparse).subarray(firstSum),
    codes: Int32Array.from(tokens.subarray(firstSum)),
  };
}

const worthOfSlots = ({ medians }: GeneSlots, sparse: boolean): Float64Array =>
  sparse ? medians.map((median) => 1 / median) : medians;
