import type { TaskName } from './definitions.js';

/**
 * Where the work of each task is. A room is imported when its first task comes, or before by a thread that was started for
 * such tasks: so a thread that only publishes never loads HDF5 or numeric kernels.
 */
export const ROOMS = {
  planRun: () => import('../plan/plan-run.js'),
  openChunk: () => import('../plan/open-chunk.js'),
  scanChunk: () => import('../fits/early-statistics.js'),
  stageInput: () => import('../anndata/publish/stage-input.js'),
  prepareChunk: () => import('../embed/prepare-chunk.js'),
  embedChunk: () => import('../embed/embed-together.js'),
  probeDevice: () => import('../inference/probe-device.js'),
  findChunks: () => import('../plan/find-chunks.js'),
  discardStaged: () => import('../anndata/publish/discard-staged.js'),
  async publishArray() {
    const { publishArray } = await import('../anndata/publish/publish-array.js');
    const { readScan } = await import('../dataset/scan.js');
    const { inputProvenance, signatureOf } = await import('../methods/provenance.js');
    return { publishArray, readScan, inputProvenance, signatureOf };
  },
  resolveFits: () => import('../fits/resolve-fits.js'),
  accumulateRound: () => import('../fits/accumulate-round.js'),
  mergeRound: () => import('../fits/merge-round.js'),
  solveRound: () => import('../fits/solve-round.js'),
  closeChunk: () => import('../dataset/journal.js'),
  finalize: () => import('../dataset/finalize.js'),
} satisfies Record<TaskName, () => Promise<unknown>>;
