import type { Taken } from '../anndata/parts/taken.js';
import type { RowBlock } from '../anndata/types.js';
import type { SourceColumn } from './columns.js';
import type { FileReport } from './types.js';

/** A matrix that may hold raw counts, with the genes of its columns. */
export interface CountCandidate {
  /** "raw/X", "layers/counts", "X"; "matrix" in 10x files. */
  readonly element: string;
  readonly genes: number;
  geneNames(): Promise<string[]>;
  geneColumns(): Promise<Map<string, SourceColumn>>;
  /** Columns that are no genes (antibodies, guides...) are 1; null where all are genes. */
  notGenes(): Promise<Uint8Array | null>;
  /** Rows in order, indices ascending; may be called more than once. */
  rowBlocks(): AsyncIterable<RowBlock>;
}

/** Something beside counts, obs and var that chunks get as it is, with their cells and genes. */
export interface CarriedElement {
  /** Where it lies in a chunk: "obsm/X_umap". */
  readonly path: string;
  /** Writes a new zarr node for the cells at these rows of the input, in ascending order. */
  write(folder: string, cells: Int32Array): Promise<void>;
}

export interface Carried {
  readonly elements: readonly CarriedElement[];
  /** Elements that chunks do not take over, and why. */
  readonly leftOut: FileReport['leftOut'];
}

/** One input file of an import, opened. */
export interface ImportSource {
  readonly path: string;
  readonly format: FileReport['format'];
  readonly cells: number;
  /** In the order in which the rule tries them. */
  readonly candidates: readonly CountCandidate[];
  cellNames(): Promise<string[]>;
  cellColumns(): Promise<Map<string, SourceColumn>>;
  /** What chunks with these genes of the counts take over. */
  carry(counts: CountCandidate, genes: Taken, checkCancelled: () => void): Promise<Carried>;
  close(): Promise<void>;
}
