// Cross products of columns of sparse rows, summed in float64. The host (core/kernels/cross-products.ts) lays out the memory
// and numbers the columns: first the `sparse` ones, then dense ones, in panels of 16. Pairs of sparse columns lie in the
// packed upper triangle of a sparse x sparse matrix; pairs with a dense column lie in `products` of its panel, columns x 16.
// The work goes column by column, so that the sums of one column stay in the cache for all rows. Each sum receives its
// products in the order of the rows.

/** Values of a panel's row: 16 float64. */
const PANEL_SHIFT: usize = 7;

/**
 * Arranges rows, of which `rowEnds` tells where each ends in `places` (numbers of columns) and `values`: adds up columns in
 * `sums`; gives `sparseEnds`, `sparseOffsets` (8 x place) and `sparseValues`, the rows without dense columns; the dense
 * columns in `panels` (rows x 16 each); and by column `columnEnds`, `entryRows`, `entryValues` and, for sparse columns,
 * `entryPositions` among the values of sparse columns.
 */
export function arrange(
  rows: i32,
  columns: i32,
  sparse: i32,
  rowEnds: usize,
  places: usize,
  values: usize,
  sums: usize,
  sparseEnds: usize,
  sparseOffsets: usize,
  sparseValues: usize,
  panels: usize,
  panelBytes: usize,
  columnEnds: usize,
  entryRows: usize,
  entryValues: usize,
  entryPositions: usize,
): void {
  const taken: usize = <usize>load<i32>(rowEnds + (<usize>(rows - 1) << 2)) << 2;
  memory.fill(columnEnds, 0, <usize>columns << 2);
  memory.fill(panels, 0, panelBytes * (<usize>(columns - sparse) >>> 4));
  for (let at: usize = 0; at < taken; at += 4) {
    const place: usize = <usize>load<u32>(places + at);
    const count: usize = columnEnds + (place << 2);
    store<i32>(count, load<i32>(count) + 1);
    const sum: usize = sums + (place << 3);
    store<f64>(sum, load<f64>(sum) + <f64>load<f32>(values + at));
  }
  // Where each column begins; filling it moves that to its end.
  let entries: i32 = 0;
  for (let column: usize = columnEnds, end: usize = columnEnds + (<usize>columns << 2); column < end; column += 4) {
    const count: i32 = load<i32>(column);
    store<i32>(column, entries);
    entries += count;
  }
  let kept: usize = 0;
  let at: usize = 0;
  for (let row: usize = 0; row < <usize>rows; row++) {
    const end: usize = <usize>load<i32>(rowEnds + (row << 2)) << 2;
    const panelRow: usize = panels + (row << PANEL_SHIFT);
    for (; at < end; at += 4) {
      const place: usize = <usize>load<u32>(places + at);
      const value: f32 = load<f32>(values + at);
      const next: usize = columnEnds + (place << 2);
      const entry: usize = <usize>load<i32>(next);
      store<i32>(next, <i32>entry + 1);
      store<u16>(entryRows + (entry << 1), <u16>row);
      store<f32>(entryValues + (entry << 2), value);
      store<i32>(entryPositions + (entry << 2), <i32>kept);
      // Without a branch, which would often be guessed wrong: a dense value's place among the sparse ones is taken by the next.
      const isSparse: bool = place < <usize>sparse;
      const dense: usize = place - <usize>sparse;
      const keptAt: usize = sparseValues + (kept << 3);
      const panelAt: usize = panelRow + (dense >>> 4) * panelBytes + ((dense & 15) << 3);
      store<u32>(sparseOffsets + (kept << 2), <u32>(place << 3));
      store<f64>(select<usize>(keptAt, panelAt, isSparse), <f64>value);
      kept += <usize>isSparse;
    }
    store<i32>(sparseEnds + (row << 2), <i32>kept);
  }
}

/** Adds the products of all pairs of sparse columns of arranged rows to the packed triangle. */
export function multiplySparse(
  sparse: i32,
  sparseEnds: usize,
  sparseOffsets: usize,
  sparseValues: usize,
  columnEnds: usize,
  entryRows: usize,
  entryPositions: usize,
  triangle: usize,
): void {
  let sums: usize = triangle;
  let entry: usize = 0;
  for (let column: i32 = 0; column < sparse; column++) {
    const columnEnd: usize = <usize>load<i32>(columnEnds + (<usize>column << 2));
    for (; entry < columnEnd; entry++) {
      const position: usize = <usize>load<i32>(entryPositions + (entry << 2));
      const rowEnd: usize = <usize>load<i32>(sparseEnds + (<usize>load<u16>(entryRows + (entry << 1)) << 2));
      let offsets: usize = sparseOffsets + (position << 2);
      let values: usize = sparseValues + (position << 3);
      const end: usize = sparseValues + (rowEnd << 3);
      const value: f64 = load<f64>(values);
      while (values + 24 < end) {
        const a: usize = sums + <usize>load<u32>(offsets);
        const b: usize = sums + <usize>load<u32>(offsets, 4);
        const c: usize = sums + <usize>load<u32>(offsets, 8);
        const d: usize = sums + <usize>load<u32>(offsets, 12);
        const first: f64 = load<f64>(a) + value * load<f64>(values);
        const second: f64 = load<f64>(b) + value * load<f64>(values, 8);
        const third: f64 = load<f64>(c) + value * load<f64>(values, 16);
        const fourth: f64 = load<f64>(d) + value * load<f64>(values, 24);
        store<f64>(a, first);
        store<f64>(b, second);
        store<f64>(c, third);
        store<f64>(d, fourth);
        offsets += 16;
        values += 32;
      }
      while (values < end) {
        const sum: usize = sums + <usize>load<u32>(offsets);
        store<f64>(sum, load<f64>(sum) + value * load<f64>(values));
        offsets += 4;
        values += 8;
      }
    }
    // Packed rows lack the entries left of the diagonal.
    sums += <usize>(sparse - column - 1) << 3;
  }
}

// @ts-ignore: decorator
@inline
function multiplyAdd(sum: v128, factor: v128, values: v128): v128 {
  return f64x2.add(sum, f64x2.mul(factor, values));
}

/**
 * Adds the products of every column with the dense ones of its panel or of later ones. 16 sums stay in registers for all rows
 * of a column.
 */
export function multiplyDense(
  columns: i32,
  sparse: i32,
  panels: usize,
  panelBytes: usize,
  columnEnds: usize,
  entryRows: usize,
  entryValues: usize,
  products: usize,
): void {
  for (let stop: i32 = sparse + 16; stop <= columns; stop += 16) {
    let row: usize = entryRows;
    let value: usize = entryValues;
    for (let column: i32 = 0; column < stop; column++) {
      const end: usize = entryRows + (<usize>load<i32>(columnEnds + (<usize>column << 2)) << 1);
      if (row == end) continue;
      const sums: usize = products + (<usize>column << PANEL_SHIFT);
      let a: v128 = v128.load(sums);
      let b: v128 = v128.load(sums, 16);
      let c: v128 = v128.load(sums, 32);
      let d: v128 = v128.load(sums, 48);
      let e: v128 = v128.load(sums, 64);
      let f: v128 = v128.load(sums, 80);
      let g: v128 = v128.load(sums, 96);
      let h: v128 = v128.load(sums, 112);
      for (; row < end; row += 2) {
        const others: usize = panels + (<usize>load<u16>(row) << PANEL_SHIFT);
        const factor: v128 = f64x2.promote_low_f32x4(v128.load32_splat(value));
        a = multiplyAdd(a, factor, v128.load(others));
        b = multiplyAdd(b, factor, v128.load(others, 16));
        c = multiplyAdd(c, factor, v128.load(others, 32));
        d = multiplyAdd(d, factor, v128.load(others, 48));
        e = multiplyAdd(e, factor, v128.load(others, 64));
        f = multiplyAdd(f, factor, v128.load(others, 80));
        g = multiplyAdd(g, factor, v128.load(others, 96));
        h = multiplyAdd(h, factor, v128.load(others, 112));
        value += 4;
      }
      v128.store(sums, a);
      v128.store(sums, b, 16);
      v128.store(sums, c, 32);
      v128.store(sums, d, 48);
      v128.store(sums, e, 64);
      v128.store(sums, f, 80);
      v128.store(sums, g, 96);
      v128.store(sums, h, 112);
    }
    panels += panelBytes;
    products += <usize>columns << PANEL_SHIFT;
  }
}

/** Adds `count` values (a multiple of 2) to totals, and makes them zero. */
export function moveInto(count: i32, totals: usize, values: usize): void {
  const zero: v128 = f64x2.splat(0);
  for (let at: usize = 0, end = <usize>count << 3; at < end; at += 16) {
    v128.store(totals + at, f64x2.add(v128.load(totals + at), v128.load(values + at)));
    v128.store(values + at, zero);
  }
}
