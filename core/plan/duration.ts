import type { FitRound } from '../fits/types.js';
import type { PlannedChunk, PlannedMethod } from './types.js';

/**
 * Cells that one core embeds a second, once it has read them: measured by `npm run bench` on simulated cells with about
 * 2,000 genes above zero, or on models of the size that is published. Real data differs by a factor of two easily.
 */
const CELLS_PER_SECOND: Readonly<Record<string, number>> = {
  hvg: 12_000,
  pca: 11_000,
  gs: 6_000,
  gs10k: 2_500,
  scvi_fm: 25_000,
  'geneformer-v1': 10,
  geneformer: 0.35,
};
/** Of methods that nobody measured. */
const DEFAULT_CELLS_PER_SECOND = 5_000;
/** Reading a chunk for the first time, and copying it to its output. */
const SCAN_CELLS_PER_SECOND = 5_000;
/** Making the tokens that a model reads; on the CPU queue, wherever the model runs. */
const TOKENS_CELLS_PER_SECOND = 25_000;
const ROUND_CELLS_PER_SECOND: Readonly<Record<FitRound, number>> = { 'gene-statistics': 10_000, gram: 2_500 };

export interface DurationEstimate {
  /** Work of the queue `obsmith-cpu`, in seconds of one core. */
  readonly cpuCoreSeconds: number;
  /** On so many cores, if chunks are many enough to keep them busy. */
  readonly cores: number;
  readonly seconds: number;
  /** Methods of the queue `obsmith-gpu`, which are not counted: their time depends on the device. */
  readonly notCounted: readonly string[];
}

/** A rough time of a run: what will be computed, over rates that were measured. `fits` are methods whose fit has to be made. */
export function estimateDuration(
  pending: readonly { chunk: PlannedChunk; methods: readonly PlannedMethod[]; copiesInput: boolean }[],
  fits: readonly PlannedMethod[],
  fitCells: number,
  cores: number,
  prepareOnly = false,
): DurationEstimate {
  let cpuCoreSeconds = 0;
  const notCounted = new Set<string>();
  for (const { chunk, methods } of pending) {
    if (methods.length > 0) cpuCoreSeconds += chunk.cells / SCAN_CELLS_PER_SECOND;
    for (const { method, queue, tokens } of methods) {
      if (tokens) cpuCoreSeconds += chunk.cells / TOKENS_CELLS_PER_SECOND;
      if (prepareOnly) continue;
      if (queue === 'gpu') notCounted.add(method);
      else cpuCoreSeconds += chunk.cells / (CELLS_PER_SECOND[method] ?? DEFAULT_CELLS_PER_SECOND);
    }
  }
  // Methods of one batch key share their gene statistics.
  const rounds = new Set(fits.flatMap(({ fitRounds }) => fitRounds));
  for (const round of rounds) cpuCoreSeconds += fitCells / ROUND_CELLS_PER_SECOND[round];
  return { cpuCoreSeconds, cores, seconds: cpuCoreSeconds / cores, notCounted: [...notCounted] };
}
