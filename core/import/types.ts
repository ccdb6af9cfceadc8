export type ImportSplit = 'train' | 'val' | 'all';

export interface ImportFile {
  /** h5ad, 10x .h5, a 10x folder with matrix.mtx(.gz), or a .tar.gz of such a folder. */
  readonly path: string;
  /** Split that takes all cells of this file; without it the cells are split at random (or all go to `all`). */
  readonly split?: ImportSplit;
}

export interface ImportOptions {
  /** Base folder; chunks go to `<base>/processed/{train|test}/<dataset>/<split>/chunk_<i>.zarr`. */
  readonly base: string;
  readonly dataset: string;
  readonly files: readonly ImportFile[];
  /** Cells of a chunk at most, default 50,000. A chunk never holds cells of two files. */
  readonly chunkCells?: number;
  /** Cells with fewer genes above zero (among the kept genes) are dropped, default 0. */
  readonly minGenes?: number;
  /** Genes above zero in fewer cells of their file are dropped, default 0. */
  readonly minCells?: number;
  /** Fraction of the cells that go to train, the others to val, default 0.9; null: no split, `all` below processed/test. */
  readonly trainSplit?: number | null;
  /** Seed of the random split, default 42. */
  readonly seed?: number;
  /** Layer of the input that holds raw counts; default: found by rule. */
  readonly countLayerKey?: string | null;
  /** obs column to write that records the file a cell came from, as a batch; default none. */
  readonly batchKey?: string | null;
  /** Replaces a data set of that name that exists already. */
  readonly overwrite?: boolean;
}

export interface ImportedChunk {
  /** "train/chunk_0" */
  readonly name: string;
  /** Relative to the base folder. */
  readonly path: string;
  readonly cells: number;
  readonly genes: number;
  /** Input file the cells came from. */
  readonly file: string;
}

/** Where var.ensembl_id came from. */
export type EnsemblSource = 'ensembl_id' | 'index' | 'gene_ids' | 'symbols' | 'none';

/** What was done with one input file. */
export interface FileReport {
  readonly path: string;
  readonly format: 'h5ad' | 'zarr' | '10x-h5' | '10x-mtx';
  readonly cells: { readonly read: number; readonly kept: number };
  readonly genes: { readonly read: number; readonly kept: number };
  /** Where raw counts were found: "raw/X", "layers/<name>", "X", "matrix". */
  readonly counts: string;
  /** Counts that were no whole numbers and were rounded. */
  readonly rounded: number;
  readonly ensembl: {
    readonly source: EnsemblSource;
    readonly mapped: number;
    readonly missing: number;
    readonly duplicated: number;
  };
  /** Elements beside counts, obs and var that the chunks have, as they are: "obsm/X_umap"... */
  readonly carried: readonly string[];
  /** Elements of the input that the chunks do not have, and why. */
  readonly leftOut: readonly { readonly element: string; readonly reason: string }[];
  /** Other things worth knowing: renamed duplicates, replaced columns... */
  readonly notes: readonly string[];
}

export interface ImportReport {
  readonly dataset: string;
  /** "processed/train/pbmc", relative to the base folder. */
  readonly root: string;
  readonly files: readonly FileReport[];
  readonly chunks: readonly ImportedChunk[];
  readonly cells: number;
  readonly seconds: number;
}
