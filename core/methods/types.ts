import type { z } from 'zod';
import type { AnnData, RowBlock } from '../anndata/types.js';
import type { ChunkScan } from '../dataset/types.js';
import type { Problem } from '../errors.js';
import type { Fit, FitRound } from '../fits/types.js';
import type { Bundle, BundleKind } from '../inference/bundle/types.js';
import type { Device } from '../inference/device.js';
import type { TokenFile } from '../tokenization/token-file.js';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What the resolved configuration says about one method. */
export interface MethodSettings<Options = unknown> {
  readonly method: string;
  readonly dim: number;
  readonly options: Options;
  /** obs column that holds batches, or null. */
  readonly batchKey: string | null;
  /** Cells per forward pass at most. */
  readonly batchSize: number;
}

/** What planning knows about a chunk from its metadata alone (no matrix was read). */
export interface ChunkSummary {
  readonly name: string;
  readonly cells: number;
  readonly genes: number;
  readonly obsColumns: readonly string[];
  readonly varColumns: readonly string[];
  readonly layers: readonly string[];
  readonly hasX: boolean;
}

/** Everything an embedder may look at. */
export interface EmbedInput<Options = unknown> {
  readonly settings: MethodSettings<Options>;
  readonly chunk: AnnData;
  readonly scan: ChunkScan;
  /** Present exactly where the method has fit rounds for these settings. */
  readonly fit: Fit | null;
  /** Present exactly where the method runs a model bundle. */
  readonly model?: ModelOnDevice;
  /** Present exactly where the method embeds prepared tokens; closed by whoever opened it. */
  readonly tokens?: TokenFile;
}

/** A bundle of the kind that the method asks for, and where it runs. */
export interface ModelOnDevice {
  readonly bundle: Bundle;
  readonly device: Device;
  /** Cores that one batch may use where the device is the CPU; default 1. */
  readonly cpuThreads?: number;
}

interface EmbedderBase {
  /** What provenance records beside parameters and digests, e.g. the gene list (short) and its digest. Functions of input and parameters only. */
  readonly provenance: Readonly<Record<string, Json>>;
  /** Counts for people: mapped, missing and dropped genes, coverage... */
  readonly report: Readonly<Record<string, Json>>;
  close?(): Promise<void>;
}

/** Turns row blocks of the chunk into embedding rows; opened once per chunk, fed blocks in any order, one at a time. */
export interface MatrixEmbedder extends EmbedderBase {
  /** expression: log-normalised float32 sparse blocks; counts: layers/counts as stored. */
  readonly source: 'expression' | 'counts';
  /** Per column of the matrix: negative where it is not looked at, so that blocks may lack it. Default: all are looked at. */
  readonly columns?: Int32Array;
  /** Fills all of `out` (block.rows x dim, row-major), whatever it holds. */
  embed(block: RowBlock, out: Float32Array): void | Promise<void>;
}

/** Embeds rows from what was prepared of the chunk, which it reads itself; asked for rows in any order, one call at a time. */
export interface PreparedEmbedder extends EmbedderBase {
  readonly source: 'prepared';
  /** Fills `out` (rows [start, end) x dim, row-major, zeroed beforehand). */
  embedRows(start: number, end: number, out: Float32Array): Promise<void>;
}

export type Embedder = MatrixEmbedder | PreparedEmbedder;

/** One embedding method: the contract of the family. A method is one file in core/methods, listed in the registry. */
export interface Method<Options = unknown> {
  readonly name: string;
  /** Raised whenever the same input and parameters would give other values; part of provenance. */
  readonly algorithmVersion: number;
  /** What its embedder reads: methods that read the same matrix are embedded in one pass over it. */
  readonly source: Embedder['source'];
  /** Section it usually stands in. */
  readonly device: 'cpu' | 'gpu';
  /** Strict schema of `method_options.<name>` with defaults. */
  readonly options: z.ZodType<Options>;
  /** Output columns, given what `embedding_dim_map` says; InvalidConfig where they disagree. */
  resolveDim(configured: number | undefined, options: Options): number;
  /** Elements that the result depends on: what the input digest covers, e.g. ["X", "var/_index", "obs/batch"]. */
  reads(settings: MethodSettings<Options>, chunk: ChunkSummary): string[];
  /** Refusals that metadata alone shows; planning reports all of them before work starts. */
  problems(settings: MethodSettings<Options>, chunk: ChunkSummary): Problem[];
  /** Rounds of a data-set-wide fit, in order; empty where these settings need none. */
  fitRounds(settings: MethodSettings<Options>): readonly FitRound[];
  /** Refuses (InvalidInput) what only content shows: no gene overlap, wrong species, coverage under the floor. */
  open(input: EmbedInput<Options>): Promise<Embedder>;
  /** Kind of the model bundle that it runs under these options, named by its option `model`; null where it needs none. Planning finds the bundle, or refuses or leaves out the method. */
  bundle?(options: Options): BundleKind | null;
  /** What is made of a chunk before it is embedded, on machines without a GPU, too: tokens of its bundle's vocabulary. */
  readonly preparation?: 'tokens';
  /** Set where this version knows the method but cannot run it: why, and what to do. */
  readonly unavailable?: Problem;
  /** True where output rows are mostly zeros, so that arrays are stored compressed. */
  readonly sparseOutput: boolean;
}
