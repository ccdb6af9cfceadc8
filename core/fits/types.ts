import type { Json } from '../methods/types.js';

/** gene-statistics: per batch and gene sums and sums of squares; gram: sums and cross products of chosen genes. */
export type FitRound = 'gene-statistics' | 'gram';

/** A finished data-set-wide fit, stored in `.obsmith/fits/<id>/` (fit.json + one raw little-endian float64 file per array). */
export interface Fit {
  readonly id: string;
  readonly method: string;
  readonly algorithmVersion: number;
  readonly parameters: Readonly<Record<string, Json>>;
  /** Chosen genes (var index names), in the order of the first fitted chunk's var. */
  readonly genes: readonly string[];
  /** Names and input digests of the fitted chunks in order; chunks left out are named with the reason. */
  readonly chunks: readonly { readonly name: string; readonly digest: string }[];
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
  /** pca: mean (genes), components (dim x genes, row-major), explainedVariance, explainedVarianceRatio (dim). */
  readonly arrays: Readonly<Record<string, Float64Array>>;
}
