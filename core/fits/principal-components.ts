import { invalidInput } from '../errors.js';
import { leadingEigenpairs } from '../kernels/leading-eigenpairs.js';
import type { Gram } from './gram.js';

/** A fitted PCA; all in float64. */
export interface PrincipalComponents {
  /** Mean of every gene. */
  readonly mean: Float64Array;
  /** dim x genes, row-major; each row has length 1, and its largest loading is positive. */
  readonly components: Float64Array;
  readonly explainedVariance: Float64Array;
  readonly explainedVarianceRatio: Float64Array;
}

/**
 * Exact PCA from sums and cross products over `cells` cells: eigenvectors of the covariance (n - 1), as
 * sklearn.decomposition.PCA with svd_flip(u_based_decision=False). InvalidInput for more components than the data have.
 */
export function principalComponents(gram: Gram, cells: number, dim: number): PrincipalComponents {
  const genes = gram.sums.length;
  if (dim > Math.min(cells, genes) || cells < 2) {
    throw invalidInput(
      `pca has ${dim} dimensions, but the fitted chunks have only ${cells} cells and ${genes} chosen genes`,
      'Lower embedding_dim_map.pca, raise method_options.pca.n_top_genes, or use method_options.pca.model: pretrained.',
    );
  }
  const mean = gram.sums.map((sum) => sum / cells);
  const covariance = covarianceOf(gram.products, mean, cells);
  const { values, vectors } = leadingEigenpairs(covariance, genes, dim);
  for (let component = 0; component < dim; component++)
    makeLargestPositive(vectors.subarray(component * genes, (component + 1) * genes));
  const total = traceOf(covariance, genes);
  const explainedVariance = values.map((value) => Math.max(0, value));
  return {
    mean,
    components: vectors,
    explainedVariance,
    explainedVarianceRatio: explainedVariance.map((value) => value / total),
  };
}

/** (products - cells mean mean') / (cells - 1), packed as the products are. */
function covarianceOf(products: Float64Array, mean: Float64Array, cells: number): Float64Array {
  const covariance = new Float64Array(products.length);
  let packed = 0;
  for (let row = 0; row < mean.length; row++) {
    const scaled = cells * mean[row]!;
    for (let column = row; column < mean.length; column++, packed++) {
      covariance[packed] = (products[packed]! - scaled * mean[column]!) / (cells - 1);
    }
  }
  return covariance;
}

function makeLargestPositive(vector: Float64Array): void {
  let largest = 0;
  for (let index = 1; index < vector.length; index++) {
    if (Math.abs(vector[index]!) > Math.abs(vector[largest]!)) largest = index;
  }
  if (vector[largest]! >= 0) return;
  for (let index = 0; index < vector.length; index++) vector[index] = -vector[index]!;
}

function traceOf(triangle: Float64Array, n: number): number {
  let trace = 0;
  for (let row = 0, packed = 0; row < n; packed += n - row++) trace += triangle[packed]!;
  return trace;
}
