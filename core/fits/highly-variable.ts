import { invalidInput, type ObsmithError } from '../errors.js';
import type { GeneSums } from '../kernels/gene-sums.js';
import { normalizedDispersions } from './normalized-dispersion.js';

/** Chooses highly variable genes from the sums of one batch after the other; memory is a few values per gene. */
export interface GeneChoice {
  /** Sums of the next batch, in the order of the batches' names. */
  add(sums: GeneSums, cells: number): void;
  /** Positions of the chosen genes, ascending; fewer than asked for where fewer genes can be ranked. */
  choose(): Int32Array;
  /** Normalised dispersion of every gene (mean over batches); NaN where it has none. */
  normalized(): Float64Array;
}

/**
 * scanpy 1.11 highly_variable_genes(flavor="seurat", n_top_genes=count) without a batch key. Where ties make more than
 * `count` genes pass scanpy's cut-off, the first by normalised dispersion (float32, as scanpy stores it), then by
 * position, stay.
 */
export function chooseOverAllCells(genes: number, count: number): GeneChoice {
  const all = Int32Array.from({ length: genes }, (_, gene) => gene);
  let normalized = new Float64Array(genes).fill(Number.NaN);
  return {
    add(sums, cells) {
      normalized = normalizedDispersions(sums, cells, all).normalized as Float64Array<ArrayBuffer>;
    },
    choose: () => firstByDispersion(normalized, count),
    normalized: () => normalized,
  };
}

/**
 * The same with a batch key: genes are ranked by the number of batches in which they are highly variable, then by their
 * mean normalised dispersion, in which batches without the gene count as 0; then by name.
 */
export function chooseOverBatches(names: readonly string[], count: number): GeneChoice {
  const genes = names.length;
  const batchesChosen = new Int32Array(genes);
  const mean = new GeneMeans(genes);
  return {
    add(sums, cells) {
      const expressed = Int32Array.from(range(genes).filter((gene) => sums[gene * 2]! > 0));
      const { normalized } = normalizedDispersions(sums, cells, expressed);
      for (const index of passing(normalized, count)) batchesChosen[expressed[index]!]!++;
      mean.add(expressed, normalized);
    },
    choose() {
      const normalized = mean.values();
      const order = range(genes).sort((a, b) => (names[a]! < names[b]! ? -1 : 1));
      order.sort((a, b) => batchesChosen[b]! - batchesChosen[a]! || descending(normalized[a]!, normalized[b]!));
      return Int32Array.from(order.slice(0, count)).sort();
    },
    normalized: () => mean.values(),
  };
}

/** The message of the original, which users search for. */
export function tooFewGenes(requested: number, selected: number, available: number): ObsmithError {
  return invalidInput(
    `Selected less highly variable genes than requested. Requested ${requested}, selected ${selected}. Full data contains ${available} genes.`,
    `Set embedding_dim_map.hvg to ${selected} or less, or leave hvg out of this data set's methods.`,
  );
}

/** The `count` genes of highest normalised dispersion (rounded to float32), ties in order of position; NaN never. */
export function firstByDispersion(normalized: ArrayLike<number>, count: number): Int32Array {
  const rounded = Float32Array.from(normalized);
  const ranked = range(rounded.length).filter((gene) => !Number.isNaN(rounded[gene]));
  ranked.sort((a, b) => descending(rounded[a]!, rounded[b]!));
  return Int32Array.from(ranked.slice(0, count)).sort();
}

/** Indexes of all values that reach the count-th highest, NaN apart: scanpy's cut-off, which ties may exceed. */
function passing(normalized: Float64Array, count: number): number[] {
  const sorted = normalized.filter((value) => !Number.isNaN(value)).sort();
  const cutOff = sorted[sorted.length - Math.min(count, sorted.length)]!;
  return range(normalized.length).filter((index) => finite(normalized[index]!) >= cutOff);
}

/** numpy.nan_to_num(x, nan=-inf). */
function finite(value: number): number {
  if (Number.isNaN(value)) return Number.NEGATIVE_INFINITY;
  return Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, value));
}

/** Order of a descending sort in which NaN comes last. */
function descending(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a === b ? 0 : b > a ? 1 : -1;
}

const range = (length: number): number[] => Array.from({ length }, (_, index) => index);

/** Mean of a value per gene over batches, NaN skipped, compensated (Kahan) as pandas' groupby computes it. */
class GeneMeans {
  readonly #sums: Float64Array;
  readonly #compensations: Float64Array;
  readonly #counts: Float64Array;
  readonly #current: Float64Array;

  constructor(genes: number) {
    this.#sums = new Float64Array(genes);
    this.#compensations = new Float64Array(genes);
    this.#counts = new Float64Array(genes);
    this.#current = new Float64Array(genes);
  }

  /** Values of the genes that the batch has; all others count as 0. */
  add(genes: Int32Array, values: Float64Array): void {
    this.#current.fill(0);
    for (let index = 0; index < genes.length; index++) this.#current[genes[index]!] = values[index]!;
    for (let gene = 0; gene < this.#current.length; gene++) {
      const value = this.#current[gene]!;
      if (Number.isNaN(value)) continue;
      const corrected = value - this.#compensations[gene]!;
      const sum = this.#sums[gene]! + corrected;
      const compensation = sum - this.#sums[gene]! - corrected;
      this.#compensations[gene] = Number.isNaN(compensation) ? 0 : compensation;
      this.#sums[gene] = sum;
      this.#counts[gene]!++;
    }
  }

  values(): Float64Array {
    return this.#sums.map((sum, gene) => sum / this.#counts[gene]!);
  }
}
