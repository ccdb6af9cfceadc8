import type { Float32Block } from '../anndata/types.js';
import { KernelMemory } from './kernel-memory.js';

/** Values of the upper triangle of a columns x columns matrix, diagonal included, packed row by row. */
export const triangleLength = (columns: number): number => (columns * (columns + 1)) / 2;

/** Rows that are multiplied together: a panel of their dense columns stays in the first-level cache. */
const ROWS = 256;
/** Columns that are multiplied together where they are dense. */
const PANEL_COLUMNS = 16;
/** Columns that have this share of the first rows are handled as dense: multiplying zeros is quicker than finding the rest. */
const DENSE_SHARE = 0.25;

interface Exports {
  arrange(
    rows: number,
    columns: number,
    sparse: number,
    rowEnds: number,
    places: number,
    values: number,
    sums: number,
    sparseEnds: number,
    sparseOffsets: number,
    sparseValues: number,
    panels: number,
    panelBytes: number,
    columnEnds: number,
    entryRows: number,
    entryValues: number,
    entryPositions: number,
  ): void;
  multiplySparse(
    sparse: number,
    sparseEnds: number,
    sparseOffsets: number,
    sparseValues: number,
    columnEnds: number,
    entryRows: number,
    entryPositions: number,
    triangle: number,
  ): void;
  multiplyDense(
    columns: number,
    sparse: number,
    panels: number,
    panelBytes: number,
    columnEnds: number,
    entryRows: number,
    entryValues: number,
    products: number,
  ): void;
  moveInto(count: number, totals: number, values: number): void;
}

/** CSR rows that have nothing but chosen columns, rising within a row. */
export type ChosenRows = Pick<Float32Block, 'rows' | 'indptr' | 'indices' | 'values'>;

/**
 * Sums of chosen columns of sparse rows, and of the products of all pairs of them, in float64, row after row within a block of
 * rows, and block after block (core/kernels/assembly/cross-products.ts). Which columns are dense decides about nothing but
 * time.
 */
export class CrossProducts {
  readonly #columns: number;
  /** Chosen columns' numbers in the kernel: sparse ones first, in their order. */
  readonly #places: Int32Array;
  readonly #sparse: number;
  readonly #memory: KernelMemory<Exports>;
  readonly #rowEnds: Int32Array;
  readonly #rowPlaces: Int32Array;
  readonly #rowValues: Float32Array;
  readonly #arranged: Readonly<Record<Area, number>>;
  /** Sums of columns, products of sparse columns, products with dense columns: of the open block, and of all before it. */
  readonly #open: Float64Array;
  readonly #totals: Float64Array;

  /** @param chosen columns, rising; `sample` has rows like those that will be added, to tell which of them are dense. */
  constructor(chosen: Int32Array, sample: ChosenRows) {
    const columns = chosen.length;
    const { places, sparse } = placesOf(chosen, sample);
    const dense = columns - sparse;
    const entries = ROWS * columns + 1;
    const summed = columns + triangleLength(sparse) + dense * columns + 1;
    this.#columns = columns;
    this.#places = places;
    this.#sparse = sparse;
    this.#memory = new KernelMemory<Exports>(
      'cross-products',
      entries * (8 + 12 + 10) + ROWS * 8 + columns * 4 + ROWS * dense * 8 + summed * 16 + 512,
    );
    this.#rowEnds = this.#memory.int32(ROWS);
    this.#rowPlaces = this.#memory.int32(entries);
    this.#rowValues = this.#memory.float32(entries);
    this.#arranged = {
      sparseEnds: this.#memory.int32(ROWS).byteOffset,
      sparseOffsets: this.#memory.int32(entries).byteOffset,
      sparseValues: this.#memory.float64(entries).byteOffset,
      panels: this.#memory.float64(ROWS * dense).byteOffset,
      columnEnds: this.#memory.int32(columns).byteOffset,
      entryRows: this.#memory.int32(Math.ceil(entries / 2)).byteOffset,
      entryValues: this.#memory.float32(entries).byteOffset,
      entryPositions: this.#memory.int32(entries).byteOffset,
    };
    this.#open = touched(this.#memory.float64(summed));
    this.#totals = touched(this.#memory.float64(summed));
  }

  /** Adds rows to the open block. */
  add({ rows, indptr, indices, values }: ChosenRows): void {
    for (let start = 0; start < rows; start += ROWS) {
      const end = Math.min(rows, start + ROWS);
      const from = indptr[start]!;
      const to = indptr[end]!;
      for (let row = start; row < end; row++) this.#rowEnds[row - start] = indptr[row + 1]! - from;
      for (let at = from; at < to; at++) this.#rowPlaces[at - from] = this.#places[indices[at]!]!;
      this.#rowValues.set(values.subarray(from, to));
      this.#multiply(end - start);
    }
  }

  /** Adds the open block to those before it. */
  endBlock(): void {
    const { length, byteOffset } = this.#open;
    this.#memory.exports.moveInto(length - (length % 2), this.#totals.byteOffset, byteOffset);
  }

  /** Sums over the blocks that were ended, for chosen columns in the given order; 0 for -1. */
  sums(order: Int32Array): Float64Array {
    return Float64Array.from(order, (column) => (column < 0 ? 0 : this.#totals[this.#places[column]!]!));
  }

  /** Their sums of products: the upper triangle, packed by rows. */
  triangle(order: Int32Array): Float64Array {
    const triangle = new Float64Array(triangleLength(order.length));
    const places = order.map((column) => (column < 0 ? -1 : this.#places[column]!));
    const [totals, columns, sparse] = [this.#totals, this.#columns, this.#sparse];
    const products = columns + triangleLength(sparse);
    for (let row = 0, packed = 0; row < order.length; row++) {
      const own = places[row]!;
      for (let column = row; column < order.length; column++, packed++) {
        const other = places[column]!;
        const low = Math.min(own, other);
        const high = Math.max(own, other);
        if (low < 0) continue;
        const dense = high - sparse;
        const at =
          dense < 0
            ? columns + low * sparse - (low * (low - 1)) / 2 + high - low
            : products + ((dense >> 4) * columns + low) * PANEL_COLUMNS + (dense & 15);
        triangle[packed] = totals[at]!;
      }
    }
    return triangle;
  }

  #multiply(rows: number): void {
    const { sparseEnds, sparseOffsets, sparseValues, panels, columnEnds, entryRows, entryValues, entryPositions } =
      this.#arranged;
    const [columns, sparse, panelBytes] = [this.#columns, this.#sparse, ROWS * PANEL_COLUMNS * 8];
    const sums = this.#open.byteOffset;
    const triangle = sums + columns * 8;
    const products = triangle + triangleLength(sparse) * 8;
    const { arrange, multiplySparse, multiplyDense } = this.#memory.exports;
    arrange(
      ...([rows, columns, sparse, this.#rowEnds.byteOffset, this.#rowPlaces.byteOffset] as const),
      ...([this.#rowValues.byteOffset, sums, sparseEnds, sparseOffsets, sparseValues, panels, panelBytes] as const),
      ...([columnEnds, entryRows, entryValues, entryPositions] as const),
    );
    multiplySparse(
      ...([sparse, sparseEnds, sparseOffsets, sparseValues, columnEnds, entryRows, entryPositions, triangle] as const),
    );
    multiplyDense(columns, sparse, panels, panelBytes, columnEnds, entryRows, entryValues, products);
  }
}

/**
 * Zeros that were written: sums are read before they are written, and memory that was never written shares one page of zeros
 * until then. To part from it costs a fault more for each page, of which all cores hear.
 */
const touched = (sums: Float64Array): Float64Array => sums.fill(0);

type Area =
  | 'sparseEnds'
  | 'sparseOffsets'
  | 'sparseValues'
  | 'panels'
  | 'columnEnds'
  | 'entryRows'
  | 'entryValues'
  | 'entryPositions';

/** Numbers the chosen columns: dense ones, a multiple of a panel's, behind the others. */
function placesOf(chosen: Int32Array, { rows, indptr, indices }: ChosenRows): { places: Int32Array; sparse: number } {
  const width = chosen.length === 0 ? 0 : chosen.at(-1)! + 1;
  const counts = new Int32Array(width);
  for (let at = 0; at < indptr[rows]!; at++) counts[indices[at]!]!++;
  const byCount = Array.from(chosen).sort((a, b) => counts[b]! - counts[a]! || a - b);
  const found = byCount.filter((column) => counts[column]! >= DENSE_SHARE * rows).length;
  const dense = new Set(byCount.slice(0, found - (found % PANEL_COLUMNS)));
  const places = new Int32Array(width);
  const sparse = chosen.length - dense.size;
  let [nextSparse, nextDense] = [0, sparse];
  for (const column of chosen) places[column] = dense.has(column) ? nextDense++ : nextSparse++;
  return { places, sparse };
}
