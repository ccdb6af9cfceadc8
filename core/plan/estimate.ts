import type { PlannedChunk, PlannedMethod } from './types.js';

/** Share of raw float32 size that a compressed, mostly zero array takes at most on real data (measured 0.03 to 0.2). */
const SPARSE_SHARE = 0.25;
/** Node, the Temporal core and decoded blocks of one worker process before any method's own arrays. */
const WORKER_BYTES = 300e6;
/** Decoded row blocks and reader buffers of one thread. */
const THREAD_BYTES = 120e6;
/** Buffers of a model that embeds batches of counts. */
const COUNT_MODEL_BYTES = 32e6;
/** Buffers of a model that embeds tokens: so many times its states of the longest cell. */
const TOKEN_STATES = 16;

export interface Estimate {
  /** Bytes that outputs will add on disk. */
  readonly outputBytes: number;
  /** Bytes that `.obsmith/` needs at most while the run lasts (partial statistics, kept expression, tokens; staged arrays become outputs by rename). */
  readonly stagingBytes: number;
  /** Memory of one worker process; 0 where nothing is to be done for its queue. */
  readonly memoryBytes: WorkerMemory;
}

/** Of a worker of each queue, in bytes. */
export interface WorkerMemory {
  /** With a thread for each core. */
  readonly cpu: number;
  /** With its model on the CPU; on a GPU most of that is the device's. */
  readonly gpu: number;
}

/** A chunk with the methods that will be computed on it, or only prepared. */
export interface PendingChunk {
  readonly chunk: PlannedChunk;
  readonly methods: readonly PlannedMethod[];
  /** There is no output store yet. */
  readonly copiesInput: boolean;
}

/** What a run will need, from shapes alone. */
export function estimate(pending: readonly PendingChunk[], threads: number, prepareOnly = false): Estimate {
  let outputBytes = 0;
  let stagingBytes = 0;
  const threadBytes: { cpu?: number; gpu?: number } = {};
  const needs = (queue: 'cpu' | 'gpu', bytes: number) => {
    threadBytes[queue] = Math.max(threadBytes[queue] ?? 0, THREAD_BYTES + bytes);
  };
  for (const { chunk, methods, copiesInput } of pending) {
    if (copiesInput && methods.length > 0 && !prepareOnly) outputBytes += chunk.bytes;
    for (const method of methods) {
      stagingBytes += tokenBytes(method, chunk);
      // Scans, copies and preparation are for the CPU queue, whatever queue embeds.
      needs('cpu', 0);
      if (prepareOnly) continue;
      outputBytes += chunk.cells * method.dim * 4 * (method.sparseOutput ? SPARSE_SHARE : 1);
      const partial = partialBytes(method, chunk);
      stagingBytes += partial + keptBytes(method, chunk);
      needs(method.queue, 2 * partial + 32e6 + modelBytes(method));
    }
  }
  return {
    outputBytes: Math.ceil(outputBytes),
    stagingBytes: Math.ceil(stagingBytes),
    memoryBytes: {
      cpu: threadBytes.cpu === undefined ? 0 : Math.ceil(WORKER_BYTES + threads * threadBytes.cpu),
      // It embeds one chunk at a time.
      gpu: threadBytes.gpu === undefined ? 0 : Math.ceil(WORKER_BYTES + threadBytes.gpu),
    },
  };
}

/** A session: the weights, and buffers that hold what its layers compute. */
function modelBytes({ model, tokens, dim }: PlannedMethod): number {
  if (!model) return 0;
  return model.weightBytes + (tokens ? TOKEN_STATES * tokens.tokenizer.inputSize * dim * 4 : COUNT_MODEL_BYTES);
}

/** Tokens of one chunk: 16 bits for each gene of a cell, as many as the model takes. */
function tokenBytes({ tokens }: PlannedMethod, { cells, genes }: PlannedChunk): number {
  return tokens ? 2 * cells * Math.min(genes, tokens.tokenizer.inputSize) : 0;
}

/** Partial statistics of one chunk: two float64 per gene, and for pca the upper triangle over its genes. */
function partialBytes(method: PlannedMethod, chunk: PlannedChunk): number {
  if (method.fitRounds.length === 0) return 0;
  const statistics = 16 * chunk.genes;
  if (!method.fitRounds.includes('gram')) return statistics;
  return statistics + 8 * chosenGenes(method, chunk) ** 2;
}

/** Expression of the genes that pca chose, kept until it is embedded: 6 bytes for each value that is stored. */
function keptBytes(method: PlannedMethod, chunk: PlannedChunk): number {
  return method.fitRounds.includes('gram') ? 6 * chunk.cells * chosenGenes(method, chunk) * SPARSE_SHARE : 0;
}

function chosenGenes({ options }: PlannedMethod, { genes }: PlannedChunk): number {
  return Math.min((options as { n_top_genes?: number } | null)?.n_top_genes ?? 2000, genes);
}
