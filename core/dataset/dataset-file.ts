import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inspectArrays, type PublishedArray } from '../anndata/obsm/inspect-arrays.js';
import { removeUnfinished, writeFileAtomic } from '../anndata/zarr-write/atomic-file.js';
import { fromSystemError, isObsmithError, withRemedy } from '../errors.js';
import { type LoadedPlan, loadPlannedChunk } from '../plan/load-plan.js';
import type { PlannedChunk } from '../plan/types.js';
import type { FailureRecord } from './finalize.js';
import { datasetFile } from './layout.js';
import { readScan } from './scan.js';

/** `dataset.json`, beside the splits: what later steps read instead of walking the chunks. */
export interface DatasetFile {
  readonly dataset: string;
  readonly version: 1;
  readonly cells: number;
  readonly methods: readonly string[];
  readonly requiredObsmKeys: readonly string[];
  readonly chunks: readonly DatasetChunk[];
  readonly failures: readonly FailureRecord[];
  /** Required keys that no requested method makes and that are not there; outputs that cannot be read. */
  readonly warnings: readonly string[];
}

export interface DatasetChunk {
  /** "train/chunk_0" */
  readonly name: string;
  /** Relative to the base folder; null where nothing was published for this chunk yet. */
  readonly output: string | null;
  readonly cells: number;
  readonly genes: number;
  /** Digest of the cell names in order. */
  readonly idsDigest: string | null;
  readonly arrays: Readonly<Record<string, PublishedArray>>;
}

/**
 * Writes `dataset.json` atomically. Returns a failure for each array in `done` ("<chunk> X_<method>", reported as computed
 * or skipped) that is not on disk; missing keys of `required_obsm_keys` that no requested method makes become warnings.
 */
export async function writeDatasetFile(
  loaded: LoadedPlan,
  failures: readonly FailureRecord[],
  done: ReadonlySet<string>,
): Promise<FailureRecord[]> {
  const { base, plan } = loaded;
  const chunks: DatasetChunk[] = [];
  const missing: FailureRecord[] = [];
  const warnings = new Set<string>();
  const lacking = new Map<string, number[]>();
  for (let index = 0; index < plan.datasetChunkCount; index++) {
    const planned = await loadPlannedChunk(loaded, index);
    const chunk = await describeChunk(loaded, planned, warnings);
    chunks[planned.order] = chunk;
    const requested = index < plan.chunkCount ? plan.methods.map(({ method }) => method) : [];
    for (const method of requested) {
      if (done.has(`${chunk.name} X_${method}`) && !chunk.arrays[`X_${method}`])
        missing.push(notOnDisk(chunk.name, method));
    }
    for (const key of plan.requiredObsmKeys) {
      if (!chunk.arrays[key] && !requested.some((method) => `X_${method}` === key)) {
        const orders = lacking.get(key) ?? [];
        orders.push(planned.order);
        lacking.set(key, orders);
      }
    }
  }
  for (const [key, orders] of lacking) {
    const first = chunks[orders.reduce((least, order) => Math.min(least, order))]!.name;
    const where = orders.length === 1 ? first : `${orders.length} of ${chunks.length} chunks, first ${first}`;
    warnings.add(`${key} is in required_obsm_keys but not in ${where}`);
  }
  const content: DatasetFile = {
    dataset: plan.dataset,
    version: 1,
    cells: chunks.reduce((sum, chunk) => sum + chunk.cells, 0),
    methods: [
      ...new Set(
        chunks.flatMap((chunk) =>
          Object.values(chunk.arrays).flatMap(({ method, inherited }) => (method && !inherited ? method : [])),
        ),
      ),
    ].sort(),
    requiredObsmKeys: plan.requiredObsmKeys,
    chunks,
    failures: [...failures, ...missing],
    warnings: [...warnings].sort(),
  };
  await write(join(base, datasetFile(plan.outputRoot)), content);
  return missing;
}

async function describeChunk(
  { base, plan }: LoadedPlan,
  planned: PlannedChunk,
  warnings: Set<string>,
): Promise<DatasetChunk> {
  const arrays = await inspectArrays(join(base, planned.output)).catch((error: unknown) => {
    if (!isObsmithError(error) || error.type !== 'InvalidInput') throw error;
    warnings.add(withRemedy(error));
    return {};
  });
  const scan = planned.unreadable ? null : await readScan(base, plan.dataset, planned.name);
  return {
    name: planned.name,
    output: arrays ? planned.output : null,
    cells: planned.cells,
    genes: planned.genes,
    idsDigest: scan?.digests['obs/_index'] ?? null,
    arrays: arrays ?? {},
  };
}

const notOnDisk = (chunk: string, method: string): FailureRecord => ({
  chunk,
  method,
  type: 'Internal',
  message: `X_${method} is not in the output although it was reported as done; run again to compute it.`,
});

async function write(file: string, content: DatasetFile): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await removeUnfinished(dirname(file));
    await writeFileAtomic(file, `${JSON.stringify(content, null, 2)}\n`);
  } catch (error) {
    throw fromSystemError(error, file);
  }
}
