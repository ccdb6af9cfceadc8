import type { Projection } from '../kernels/row-projection.js';

/** A scaler and principal components: ((x - scalerMean) / scalerScale - pcaMean) times the transposed components. */
export interface LinearModel {
  /** The order of the arrays' gene axis. */
  readonly genes: readonly string[];
  /** Output columns. */
  readonly dim: number;
  /** dim x genes, row-major. */
  readonly components: Float32Array | Float64Array;
  readonly pcaMean: Float32Array | Float64Array;
  readonly scalerMean: Float64Array;
  readonly scalerScale: Float64Array;
}

/** Scaler and components as one linear map: genes that a chunk lacks are 0 before scaling. */
export function projectionOf({ genes, dim, components, pcaMean, scalerMean, scalerScale }: LinearModel): Projection {
  const weights = new Float64Array(genes.length * dim);
  const offset = new Float64Array(dim);
  for (let gene = 0; gene < genes.length; gene++) {
    const constant = scalerMean[gene]! / scalerScale[gene]! + pcaMean[gene]!;
    for (let output = 0; output < dim; output++) {
      const loading = components[output * genes.length + gene]!;
      weights[gene * dim + output] = loading / scalerScale[gene]!;
      offset[output]! += constant * loading;
    }
  }
  return { weights, outputs: dim, offset };
}
