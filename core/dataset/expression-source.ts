import { invalidInput } from '../errors.js';
import type { MatrixStatistics } from './matrix-statistics.js';
import type { ChunkScan } from './types.js';

/** Below this, X was scaled or centred; rounding noise above it is taken as zero. */
const LOG_MIN = -1e-3;
/** Log-normalised values stay below this. */
const LOG_MAX = 100;
/** Standard deviation of the row sums by their mean: at most this for normalised cells. */
const MAX_ROW_SUM_VARIATION = 1;
/** Share of entries of a count matrix that may be no integers. */
const MAX_NON_INTEGERS = 0.01;

/**
 * Where log-normalised expression comes from. X counts as log-normalised by the rule of mengerj/adata_hf_datasets
 * (ensure_log_norm): minimum >= -1e-3, maximum < 100 and std/mean of the row sums < 1; beyond that rule, an X of nothing
 * but integers is never taken as log-normalised, for those are the counts of shallow cells. Anything else is normalised
 * from layers/counts, or from X where X holds counts (at most 1 % non-integers). InvalidInput where X is scaled
 * (negative values) or neither.
 */
export function expressionSource(
  x: MatrixStatistics | null,
  hasCounts: boolean,
  where: string,
): NonNullable<ChunkScan['expression']> {
  if (x === null) {
    if (hasCounts) return 'layers/counts';
    throw invalidInput(
      `${where} has neither X nor layers/counts`,
      'Store log-normalised expression in X or raw counts in layers/counts, e.g. with: obsmith import FILE.',
    );
  }
  if (x.min < LOG_MIN) {
    throw invalidInput(
      `X of ${where} holds negative values (minimum ${x.min}): it looks scaled, but log-normalised expression or counts were expected`,
      'Store X before scaling (e.g. from raw/X or layers/counts) and run again.',
    );
  }
  if (isLogNormalized(x)) return 'X';
  if (hasCounts) return 'layers/counts';
  if (x.nonIntegers <= x.entries * MAX_NON_INTEGERS) return 'X-as-counts';
  throw invalidInput(
    `X of ${where} is neither log-normalised nor counts: maximum ${x.max} (log-normalised: below ${LOG_MAX}), ` +
      `row sums vary by ${variation(x).toFixed(2)} of their mean (normalised: below ${MAX_ROW_SUM_VARIATION}), ` +
      `${((100 * x.nonIntegers) / x.entries).toFixed(1)} % of its values are no integers (counts: at most ${100 * MAX_NON_INTEGERS} %)`,
    'Store raw counts in layers/counts, or log-normalised expression in X.',
  );
}

function isLogNormalized(x: MatrixStatistics): boolean {
  if (x.nonIntegers === 0) return false;
  return x.max < LOG_MAX && x.rowSumMean !== 0 && variation(x) < MAX_ROW_SUM_VARIATION;
}

function variation(x: MatrixStatistics): number {
  return x.rowSumDeviation / x.rowSumMean;
}
