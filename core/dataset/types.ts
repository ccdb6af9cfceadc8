import type { ChunkSummary } from '../methods/types.js';

/** One chunk file of a data set. Paths are relative to the base folder. */
export interface ChunkReference {
  /** Position in the data set's order: splits train, val, all, then natural order of names. */
  readonly index: number;
  /** "train/chunk_0" */
  readonly name: string;
  readonly split: string;
  /** "chunk_0" */
  readonly stem: string;
  /** "processed/train/pbmc/train/chunk_0.zarr" */
  readonly input: string;
  /** "processed_with_emb/train/pbmc/train/chunk_0.zarr" */
  readonly output: string;
}

/**
 * What a full pass over a chunk's input found: kept in `.obsmith/scans/<dataset>/<split>/<stem>.json` and
 * believed as long as the fingerprint holds.
 */
export interface ChunkScan extends ChunkSummary {
  readonly fingerprint: string;
  /** element path -> sha256 */
  readonly digests: Readonly<Record<string, string>>;
  /**
   * Where log-normalised expression comes from: X as it is, or counts normalised on the fly. Null where no method has asked
   * for expression yet, or where there is none (see `noExpression`).
   */
  readonly expression: 'X' | 'X-as-counts' | 'layers/counts' | null;
  /** Why no expression can come from this chunk; methods that read only counts do not care. */
  readonly noExpression?: { readonly message: string; readonly remedy: string };
  /** Var elements by which fits match genes across chunks ("var/_index"): why that cannot be done by one, or null. */
  readonly geneNames?: Readonly<Record<string, { readonly message: string; readonly remedy: string } | null>>;
}
