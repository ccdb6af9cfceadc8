import type { Column, RowBlock } from '../anndata/types.js';
import type { FileReport } from './types.js';

/** A matrix that may hold raw counts, with the genes of its columns. */
export interface CountCandidate {
  /** "raw/X", "layers/counts", "X"; "matrix" in 10x files. */
  readonly element: string;
  readonly genes: number;
  geneNames(): Promise<string[]>;
  geneColumns(): Promise<Map<string, Column>>;
  /** Columns that are no genes (antibodies, guides...) are 1; null where all are genes. */
  notGenes(): Promise<Uint8Array | null>;
  /** Rows in order, indices ascending; may be called more than once. */
  rowBlocks(): AsyncIterable<RowBlock>;
}

/** One input file of an import, opened. */
export interface ImportSource {
  readonly path: string;
  readonly format: FileReport['format'];
  readonly cells: number;
  /** In the order in which the rule tries them. */
  readonly candidates: readonly CountCandidate[];
  cellNames(): Promise<string[]>;
  cellColumns(): Promise<Map<string, Column>>;
  /** Elements that chunks do not take over, and why. */
  leftOut(counts: CountCandidate): Promise<FileReport['leftOut']>;
  close(): Promise<void>;
}
