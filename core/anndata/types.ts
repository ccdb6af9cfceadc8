/** Values of one row block, decoded. 64-bit integers arrive as Float64Array (exact below 2^53, else InvalidInput). */
export type BlockValues =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** Rows [start, start + rows) of a matrix as CSR; `indptr` begins at 0. Column indices are ascending within a row. */
export interface SparseBlock {
  readonly kind: 'sparse';
  readonly start: number;
  readonly rows: number;
  readonly columns: number;
  readonly indptr: Int32Array;
  readonly indices: Int32Array;
  readonly values: BlockValues;
}

/** A sparse block of float32. */
export type Float32Block = SparseBlock & { readonly values: Float32Array };

/** Rows [start, start + rows) of a dense matrix, row-major, rows x columns values. */
export interface DenseBlock {
  readonly kind: 'dense';
  readonly start: number;
  readonly rows: number;
  readonly columns: number;
  readonly values: BlockValues;
}

/** A block's arrays may be reused by the reader: they are valid only until the next block is asked for. */
export type RowBlock = SparseBlock | DenseBlock;

/** Row blocks over which all sums run, so that results never depend on how work was divided. */
export const BLOCK_ROWS = 4096;

/** Rows read at once where sums do not ask for whole blocks: a quarter of their memory. Divides BLOCK_ROWS. */
export const READ_ROWS = 1024;

export type StoreFormat = 'zarr-v2' | 'zarr-v3' | 'h5ad';

/** Where a matrix lies inside an AnnData store: "X", "raw/X" or "layers/<name>". */
export type MatrixPath = 'X' | 'raw/X' | `layers/${string}`;

export interface MatrixInfo {
  readonly encoding: 'csr' | 'csc' | 'dense';
  readonly rows: number;
  readonly columns: number;
  /** numpy-style name, e.g. "float32". */
  readonly dtype: string;
  /** Stored values (sparse) or rows x columns (dense). */
  readonly stored: number;
}

/** A column of obs or var. `categories`/`codes` where categorical (code -1 = missing); missing strings and numbers are null and NaN. */
export type Column =
  | { readonly kind: 'strings'; readonly values: (string | null)[] }
  /** `dtype` is the stored numpy-style name ("int64"), so that a copy can keep it. */
  | { readonly kind: 'numbers'; readonly values: Float64Array; readonly dtype?: string }
  | { readonly kind: 'booleans'; readonly values: (boolean | null)[] }
  | {
      readonly kind: 'categories';
      readonly categories: string[];
      readonly codes: Int32Array;
      readonly ordered?: boolean;
    };

export interface RowRange {
  /** First row, default 0. */
  readonly start?: number;
  /** Row after the last, default all. */
  readonly end?: number;
  /** Rows of each block (the last may be shorter), default BLOCK_ROWS. */
  readonly blockRows?: number;
}

/** One AnnData store opened for reading; the contract of every reader (zarr v2, v3, sharded; h5ad). Errors are ObsmithErrors that name the path. */
export interface AnnData {
  readonly path: string;
  readonly format: StoreFormat;
  /** Cells (obs). */
  readonly cells: number;
  /** Genes (var). */
  readonly genes: number;
  /** Names of obs columns / var columns without the index, keys of obsm, layers, uns... in stored order. */
  keys(group: 'obs' | 'var' | 'raw/var' | 'obsm' | 'varm' | 'obsp' | 'varp' | 'layers' | 'uns'): Promise<string[]>;
  /** Index of obs (cell names), var (gene names), or raw/var (genes of raw/X; InvalidInput without raw). */
  names(axis: 'obs' | 'var' | 'raw/var'): Promise<string[]>;
  /** A column; InvalidInput that lists the columns there are when it is absent. */
  column(axis: 'obs' | 'var' | 'raw/var', name: string): Promise<Column>;
  /** Shape and encoding, or null where the store has no such matrix. */
  matrix(path: MatrixPath): Promise<MatrixInfo | null>;
  /** Streams rows in order; peak memory is a few blocks, whatever the number of cells. Truncated, corrupt or (sparse) absent chunks are errors. */
  rowBlocks(path: MatrixPath, range?: RowRange): AsyncIterable<RowBlock>;
  /** sha256 (hex) of what one element holds ("X", "layers/counts", "obs/_index", "var/ensembl_id", ...), streamed; same bytes on disk, same digest. */
  digest(element: string): Promise<string>;
  /** Size and modification times of the files behind the elements, hashed: equal fingerprints mean that digests need no recomputing. Cheap. */
  fingerprint(elements: readonly string[]): Promise<string>;
  close(): Promise<void>;
}
