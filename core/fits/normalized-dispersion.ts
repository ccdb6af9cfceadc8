import type { GeneSums } from '../kernels/gene-sums.js';
import { log, log1p } from '../kernels/log.js';

const BINS = 20;

/** Genes of one batch, in the order in which they were given. */
export interface Dispersions {
  /** log1p of the mean expression. */
  readonly means: Float64Array;
  /** ln(variance / mean); NaN for genes that do not vary. */
  readonly dispersions: Float64Array;
  /** Dispersions standardised within bins of similar mean. */
  readonly normalized: Float64Array;
}

/**
 * Normalised dispersions of `genes` (positions in the sums) over `cells` cells: scanpy 1.11 highly_variable_genes with
 * flavor "seurat", including pandas' rounding in `cut`, `mean` (Kahan) and `std` (Welford), because ties decide which
 * genes are chosen.
 */
export function normalizedDispersions(sums: GeneSums, cells: number, genes: Int32Array): Dispersions {
  const { means, dispersions } = meansAndDispersions(sums, cells, genes);
  const bins = cut(means);
  const { average, deviation } = binStatistics(dispersions, bins);
  const normalized = dispersions.map(
    (dispersion, gene) => (dispersion - average[bins[gene]!]!) / deviation[bins[gene]!]!,
  );
  return { means, dispersions, normalized };
}

function meansAndDispersions(
  sums: GeneSums,
  cells: number,
  genes: Int32Array,
): { means: Float64Array; dispersions: Float64Array } {
  const means = new Float64Array(genes.length);
  const dispersions = new Float64Array(genes.length);
  const unbiased = cells === 1 ? 1 : cells / (cells - 1);
  for (let index = 0; index < genes.length; index++) {
    const gene = genes[index]! * 2;
    const mean = sums[gene]! / cells;
    const variance = (sums[gene + 1]! / cells - mean * mean) * unbiased;
    const positiveMean = mean === 0 ? 1e-12 : mean;
    const dispersion = variance / positiveMean;
    means[index] = log1p(positiveMean);
    dispersions[index] = dispersion === 0 ? Number.NaN : log(dispersion);
  }
  return { means, dispersions };
}

/** Bin (0 ... 19) of every value: pandas.cut into 20 intervals of equal width, closed on the right. */
export function cut(values: Float64Array): Uint8Array {
  const edges = binEdges(values);
  return Uint8Array.from(values, (value) => {
    let bin = 0;
    while (bin < BINS - 1 && value > edges[bin + 1]!) bin++;
    return bin;
  });
}

function binEdges(values: Float64Array): Float64Array {
  const { lowest, highest } = range(values);
  const isConstant = lowest === highest;
  const low = isConstant ? lowest - (lowest === 0 ? 0.001 : 0.001 * Math.abs(lowest)) : lowest;
  const high = isConstant ? highest + (highest === 0 ? 0.001 : 0.001 * Math.abs(highest)) : highest;
  const step = (high - low) / BINS;
  const edges = Float64Array.from({ length: BINS + 1 }, (_, edge) => edge * step + low);
  edges[BINS] = high;
  if (!isConstant) edges[0]! -= (high - low) * 0.001;
  return edges;
}

function range(values: Float64Array): { lowest: number; highest: number } {
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  return { lowest, highest };
}

/** Mean and standard deviation of the dispersions in each bin, NaN skipped; a bin without deviation gets average 0 and its average as deviation. */
function binStatistics(
  dispersions: Float64Array,
  bins: Uint8Array,
): { average: Float64Array; deviation: Float64Array } {
  const means = Array.from({ length: BINS }, () => new KahanMean());
  const deviations = Array.from({ length: BINS }, () => new WelfordDeviation());
  for (let gene = 0; gene < dispersions.length; gene++) {
    const dispersion = dispersions[gene]!;
    if (Number.isNaN(dispersion)) continue;
    means[bins[gene]!]!.add(dispersion);
    deviations[bins[gene]!]!.add(dispersion);
  }
  const average = Float64Array.from(means, (mean) => mean.value());
  const deviation = Float64Array.from(deviations, (spread) => spread.value());
  for (let bin = 0; bin < BINS; bin++) {
    if (!Number.isNaN(deviation[bin])) continue;
    deviation[bin] = average[bin]!;
    average[bin] = 0;
  }
  return { average, deviation };
}

/** Compensated mean as pandas' groupby computes it. */
class KahanMean {
  #sum = 0;
  #compensation = 0;
  #count = 0;

  add(value: number): void {
    const corrected = value - this.#compensation;
    const sum = this.#sum + corrected;
    this.#compensation = sum - this.#sum - corrected;
    if (Number.isNaN(this.#compensation)) this.#compensation = 0;
    this.#sum = sum;
    this.#count++;
  }

  value(): number {
    return this.#sum / this.#count;
  }
}

/** Standard deviation (ddof 1) as pandas' groupby computes it; NaN for fewer than two values. */
class WelfordDeviation {
  #count = 0;
  #mean = 0;
  #squares = 0;

  add(value: number): void {
    const before = this.#mean;
    this.#count++;
    this.#mean += (value - before) / this.#count;
    this.#squares += (value - this.#mean) * (value - before);
  }

  value(): number {
    return this.#count > 1 ? Math.sqrt(this.#squares / (this.#count - 1)) : Number.NaN;
  }
}
