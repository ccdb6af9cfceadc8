import type { AnnData, RowBlock } from '../anndata/types.js';
import { type MatrixObserver, scanChunk } from '../dataset/scan.js';
import type { ChunkScan } from '../dataset/types.js';
import { isObsmithError } from '../errors.js';
import { sha256OfJson } from '../methods/canonical-json.js';
import { isExpression } from '../methods/expression.js';
import type { LoadedPlan } from '../plan/load-plan.js';
import type { PlannedChunk, PlannedMethod } from '../plan/types.js';
import type { TaskContext } from '../tasks/types.js';
import { readCellBatches } from './cell-batches.js';
import { earlySums } from './early-sums.js';
import { readGeneNames } from './gene-names.js';
import { type CellBatches, FewBatches, isFew } from './gene-statistics.js';
import { fittedDigest, geneKeyOf, geneNamesOf, statisticsKey } from './identity.js';
import { describeChunk, writeStatistics } from './statistics-partial.js';

/**
 * Scans a chunk of a plan. Where that reads X, and fits will need the chunk's gene statistics, they are summed in the same
 * pass, as if expression will come from X as it is; they are dropped where the scan finds something else.
 */
export function scanPlannedChunk(loaded: LoadedPlan, chunk: PlannedChunk, context: TaskContext): Promise<ChunkScan> {
  const { base, plan } = loaded;
  const geneNames = [...new Set(plan.methods.filter(isFitted).map(geneNamesOf))];
  const observe = (input: AnnData) => observeStatistics(loaded, chunk, input);
  return scanChunk({ base, dataset: plan.dataset, chunk, elements: chunk.reads, geneNames, observe }, context);
}

const isFitted = ({ fitRounds }: PlannedMethod): boolean => fitRounds.includes('gene-statistics');

async function observeStatistics(
  loaded: LoadedPlan,
  chunk: PlannedChunk,
  input: AnnData,
): Promise<MatrixObserver | null> {
  const { plan } = loaded;
  if (!plan.fitChunks.includes(chunk.index)) return null;
  const kinds = new Map(plan.methods.filter(isFitted).map((method) => [sha256OfJson(statisticsKey(method)), method]));
  const early: EarlyStatistics[] = [];
  for (const method of kinds.values()) {
    const statistics = await startStatistics(loaded, chunk, method, input);
    if (statistics) early.push(statistics);
  }
  if (early.length === 0) return null;
  return {
    add: (block) => {
      for (const statistics of early) statistics.add(block);
    },
    finish: async (scan) => {
      for (const statistics of early) await statistics.finish(scan);
    },
  };
}

/** Null where a round has to read the chunk for itself: many batches, or something that it will refuse. */
async function startStatistics(
  loaded: LoadedPlan,
  chunk: PlannedChunk,
  method: PlannedMethod,
  input: AnnData,
): Promise<EarlyStatistics | null> {
  if (chunk.refused[method.method]) return null;
  try {
    const batches = await readCellBatches(input, method.batchKey);
    if (!isFew(batches.names.length)) return null;
    return new EarlyStatistics(loaded, method, await readGeneNames(input, chunk.name, geneKeyOf(method)), batches);
  } catch (error) {
    if (isObsmithError(error) && error.type === 'InvalidInput') return null;
    throw error;
  }
}

class EarlyStatistics implements MatrixObserver {
  readonly #loaded: LoadedPlan;
  readonly #method: PlannedMethod;
  readonly #genes: readonly string[];
  readonly #batches: CellBatches;
  /** Null once X turned out to be no CSR of float32. */
  #sums: FewBatches | null;

  constructor(loaded: LoadedPlan, method: PlannedMethod, genes: readonly string[], batches: CellBatches) {
    this.#loaded = loaded;
    this.#method = method;
    this.#genes = genes;
    this.#batches = batches;
    this.#sums = new FewBatches(genes.length, batches);
  }

  add(block: RowBlock): void {
    if (isExpression(block)) this.#sums?.add(block);
    else this.#sums = null;
  }

  async finish(scan: ChunkScan): Promise<void> {
    const sums = this.#sums;
    if (sums === null || scan.expression !== 'X') return;
    const method = this.#method;
    const digest = fittedDigest(method, { name: scan.name, scan });
    const description = describeChunk({ ...scan, digest }, this.#genes, this.#batches);
    await writeStatistics(earlySums(this.#loaded, method, scan), description, (deliver) => sums.deliver(deliver));
  }
}
