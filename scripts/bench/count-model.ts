import { uniformRandom } from '../../core/import/random.js';

const CELL_TYPES = 12;
const BATCH_SHARES = [0.5, 0.3, 0.2];
/** Natural logarithm of the mean number of transcript clusters of a cell, and its spread. */
const LOG_CLUSTERS = Math.log(4400);
const LOG_CLUSTERS_SD = 0.45;

export interface SimulatedCell {
  readonly cellType: number;
  readonly batch: number;
  /** Genes with counts, ascending. */
  readonly genes: Int32Array;
  readonly counts: Int32Array;
}

/**
 * Counts like those of single cells: heavy-tailed gene means (log-normal), cell types with marker genes, batches with
 * their own gene biases, varying depth, and negative binomial counts (log-series clusters, Poisson many: Quenouille
 * 1949). About 2,000 of 20,000 genes are above zero in a cell. A function of the seed alone.
 */
export class CountModel {
  readonly #random: () => number;
  readonly #genes: number;
  /** One sampler of genes per cell type and batch. */
  readonly #samplers: AliasSampler[];
  /** Log-series parameter of each gene: larger means burstier. */
  readonly #burst: Float64Array;
  readonly #scratch: Int32Array;

  constructor(genes: number, seed: number) {
    this.#random = uniformRandom(seed);
    this.#genes = genes;
    this.#scratch = new Int32Array(genes);
    const base = Float64Array.from({ length: genes }, () => Math.exp(2.1 * this.#normal()));
    this.#burst = Float64Array.from({ length: genes }, () => 0.05 + 0.5 * this.#random() ** 2);
    this.#samplers = [];
    for (let type = 0; type < CELL_TYPES; type += 1) {
      const profile = this.#withMarkers(base);
      for (let batch = 0; batch < BATCH_SHARES.length; batch += 1) {
        this.#samplers.push(new AliasSampler(profile.map((weight) => weight * Math.exp(0.15 * this.#normal()))));
      }
    }
  }

  /** The next cell. */
  draw(): SimulatedCell {
    const cellType = Math.floor(this.#random() * CELL_TYPES);
    const batch = this.#drawBatch();
    const sampler = this.#samplers[cellType * BATCH_SHARES.length + batch]!;
    const clusters = Math.round(
      Math.exp(LOG_CLUSTERS + LOG_CLUSTERS_SD * this.#normal()) * Math.min(1, this.#genes / 20_000),
    );
    this.#scratch.fill(0);
    for (let cluster = 0; cluster < clusters; cluster += 1) {
      const gene = sampler.draw(this.#random(), this.#random());
      this.#scratch[gene]! += this.#logSeries(this.#burst[gene]!);
    }
    return { cellType, batch, ...nonzero(this.#scratch) };
  }

  #withMarkers(base: Float64Array): Float64Array {
    const profile = base.slice();
    const markers = Math.ceil(this.#genes / 50);
    for (let marker = 0; marker < markers; marker += 1) {
      const gene = Math.floor(this.#random() * this.#genes);
      profile[gene]! *= Math.exp(1.2 + 0.8 * this.#normal());
    }
    return profile;
  }

  #drawBatch(): number {
    let rest = this.#random();
    const batch = BATCH_SHARES.findIndex((share) => {
      rest -= share;
      return rest < 0;
    });
    return batch < 0 ? BATCH_SHARES.length - 1 : batch;
  }

  /** Log-series variate by inversion. */
  #logSeries(p: number): number {
    let probability = -p / Math.log1p(-p);
    let rest = this.#random();
    let size = 1;
    while (rest > probability) {
      rest -= probability;
      probability *= (p * size) / (size + 1);
      size += 1;
    }
    return size;
  }

  /** Standard normal variate (Box-Muller). */
  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
  }
}

/** Draws indices in proportion to weights, in constant time (Walker's alias method, Vose's tables). */
class AliasSampler {
  readonly #share: Float64Array;
  readonly #alias: Int32Array;

  constructor(weights: Float64Array) {
    const sum = weights.reduce((total, weight) => total + weight, 0);
    this.#share = weights.map((weight) => (weight * weights.length) / sum);
    this.#alias = Int32Array.from(weights, (_, index) => index);
    const small: number[] = [];
    const large: number[] = [];
    this.#share.forEach((share, index) => {
      (share < 1 ? small : large).push(index);
    });
    while (small.length > 0 && large.length > 0) {
      const poor = small.pop()!;
      const rich = large.at(-1)!;
      this.#alias[poor] = rich;
      this.#share[rich]! -= 1 - this.#share[poor]!;
      if (this.#share[rich]! < 1) small.push(large.pop()!);
    }
    for (const index of [...small, ...large]) this.#share[index] = 1;
  }

  /** Takes two uniform numbers. */
  draw(first: number, second: number): number {
    const index = Math.floor(first * this.#share.length);
    return second < this.#share[index]! ? index : this.#alias[index]!;
  }
}

function nonzero(counts: Int32Array): { genes: Int32Array; counts: Int32Array } {
  const genes: number[] = [];
  for (let gene = 0; gene < counts.length; gene += 1) if (counts[gene] !== 0) genes.push(gene);
  return { genes: Int32Array.from(genes), counts: Int32Array.from(genes, (gene) => counts[gene]!) };
}

export const BATCHES: readonly string[] = BATCH_SHARES.map((_, batch) => `batch_${batch}`);
export const CELL_TYPE_NAMES: readonly string[] = Array.from({ length: CELL_TYPES }, (_, type) => `type_${type}`);
