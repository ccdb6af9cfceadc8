import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { claimStagedArray, type StagedArray } from '../anndata/publish/staged-array.js';
import type { AnnData } from '../anndata/types.js';
import type { ChunkScan } from '../dataset/types.js';
import type { Fit } from '../fits/types.js';
import { deviceOf } from '../inference/device.js';
import { loadPlannedModel } from '../inference/planned-model.js';
import { inputProvenance, signatureOf } from '../methods/provenance.js';
import { findMethod } from '../methods/registry.js';
import type { EmbedInput, Json } from '../methods/types.js';
import type { PlannedChunk, PlannedMethod } from '../plan/types.js';
import type { TaskContext } from '../tasks/types.js';
import { embedBlocks } from './embed-blocks.js';
import { openPrepared } from './prepare-chunk.js';
import type { Seat } from './shared-blocks.js';

export interface EmbedRequest {
  /** Absolute base folder. */
  readonly base: string;
  readonly dataset: string;
  readonly chunk: Pick<PlannedChunk, 'name' | 'input' | 'reads'>;
  readonly method: PlannedMethod;
  /** The data-set-wide fit, exactly where the method has fit rounds. */
  readonly fit: Fit | null;
  /** Names this attempt and no other. */
  readonly attempt: string;
  /** Staging folder of the chunk, relative to the base. */
  readonly staging: string;
}

export interface EmbedResult {
  readonly cells: number;
  readonly dim: number;
  readonly seconds: number;
  /** Row blocks of the staged array that this attempt computed, and that it found done. */
  readonly blocksComputed: number;
  readonly blocksResumed: number;
  /** The embedder's counts for people: mapped and missing genes, coverage... */
  readonly report: Readonly<Record<string, Json>>;
}

/** A chunk that is open for embedding, and a seat among those who read its rows. */
export interface OpenedChunk extends Seat {
  readonly input: AnnData;
  readonly scan: ChunkScan;
}

/**
 * Embeds one chunk by one method into a staged array, `obsm/X_<method>` to be: goes on after the row blocks that an
 * earlier attempt left, reads only the rows of the others, and seals the array. Nothing is published. InvalidInput for
 * what only content shows.
 */
export async function embedOpened(
  request: EmbedRequest,
  { input, scan, blocks, leave }: OpenedChunk,
  context: TaskContext,
): Promise<Omit<EmbedResult, 'seconds'>> {
  const { base, method: planned, fit } = request;
  const provenance = inputProvenance(planned, scan, fit);
  const model = await modelOf(planned, base);
  // Progress counts embedded cells.
  const tokens = await openPrepared(request, { ...context, progress() {} });
  try {
    const embedder = await findMethod(planned.method).open({
      ...{ settings: planned, chunk: input, scan, fit, ...model },
      ...(tokens ? { tokens } : {}),
    });
    try {
      const staged = await claim(request, input, signatureOf(provenance));
      const blocksResumed = staged.done.size;
      await embedBlocks({ scan, blocks, embedder, staged, dim: planned.dim }, context);
      leave();
      await staged.seal({ ...provenance, ...embedder.provenance });
      return {
        cells: scan.cells,
        dim: planned.dim,
        blocksComputed: staged.blocks - blocksResumed,
        blocksResumed,
        report: embedder.report,
      };
    } finally {
      await embedder.close?.();
    }
  } finally {
    await tokens?.close();
  }
}

async function modelOf({ model, queue }: PlannedMethod, base: string): Promise<Pick<EmbedInput, 'model'>> {
  if (!model) return {};
  // Workers of the CPU queue embed a chunk per core, those of the GPU queue one at a time.
  const cpuThreads = queue === 'cpu' ? 1 : availableParallelism();
  return { model: { bundle: await loadPlannedModel(model, base), device: deviceOf(queue, process.env), cpuThreads } };
}

function claim(
  { base, staging, method, attempt }: EmbedRequest,
  input: AnnData,
  signature: string,
): Promise<StagedArray> {
  return claimStagedArray(
    { folder: resolve(base, staging), key: `X_${method.method}`, attempt, signature },
    {
      rows: input.cells,
      dim: method.dim,
      chunkRows: method.chunkRows,
      format: input.format === 'zarr-v3' ? 'zarr-v3' : 'zarr-v2',
      compressed: method.sparseOutput,
    },
  );
}
