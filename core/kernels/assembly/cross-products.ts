// Cross products of chosen columns of sparse rows, added to the packed upper triangle of a columns x columns matrix. The
// host (core/kernels/cross-products.ts) lays out the memory. Rows are gathered first; then the work goes column by column, so
// that one row of the triangle stays in the cache for all cells. Each entry of the triangle receives its products in the
// order of the rows.

/**
 * Takes the chosen columns of one row: `ranks` tells each column's place among them (rising), or -1. Appends the value and
 * 8 x the rank of each to `values` and `offsets`, which hold `taken` ones, adds it to `sums`, and counts it in
 * `columnStarts`[rank + 1]. Returns how many are taken then.
 */
export function takeRow(
  count: i32,
  columns: usize,
  stored: usize,
  ranks: usize,
  taken: i32,
  offsets: usize,
  values: usize,
  sums: usize,
  columnStarts: usize,
): i32 {
  for (let position: usize = 0, end = <usize>count << 2; position < end; position += 4) {
    const rank: i32 = load<i32>(ranks + (<usize>load<u32>(columns + position) << 2));
    if (rank < 0) continue;
    const value: f64 = <f64>load<f32>(stored + position);
    store<u32>(offsets + (<usize>taken << 2), rank << 3);
    store<f64>(values + (<usize>taken << 3), value);
    const sum: usize = sums + (<usize>rank << 3);
    store<f64>(sum, load<f64>(sum) + value);
    const counted: usize = columnStarts + ((<usize>rank + 1) << 2);
    store<i32>(counted, load<i32>(counted) + 1);
    taken++;
  }
  return taken;
}

/**
 * Adds the products of all pairs of each row taken, and forgets the rows. `rowEnds` tells where each row ends in `values`.
 * `entryPositions` and `entryEnds` are room for one number per value taken.
 */
export function addProducts(
  rows: i32,
  columns: i32,
  rowEnds: usize,
  offsets: usize,
  values: usize,
  columnStarts: usize,
  entryPositions: usize,
  entryEnds: usize,
  triangle: usize,
): void {
  for (let column: i32 = 0; column < columns; column++) {
    const next: usize = columnStarts + (<usize>column << 2);
    store<i32>(next, load<i32>(next, 4) + load<i32>(next), 4);
  }
  // Filling a column moves its start to its end, which is where the next one began.
  let position: i32 = 0;
  for (let row: i32 = 0; row < rows; row++) {
    const end: i32 = load<i32>(rowEnds + (<usize>row << 2));
    for (; position < end; position++) {
      const next: usize = columnStarts + (load<u32>(offsets + (<usize>position << 2)) >>> 1);
      const entry: i32 = load<i32>(next);
      store<i32>(next, entry + 1);
      store<i32>(entryPositions + (<usize>entry << 2), position);
      store<i32>(entryEnds + (<usize>entry << 2), end);
    }
  }
  multiplyColumns(columns, columnStarts, entryPositions, entryEnds, offsets, values, triangle);
  memory.fill(columnStarts, 0, (<usize>columns + 1) << 2);
}

function multiplyColumns(
  columns: i32,
  columnEnds: usize,
  entryPositions: usize,
  entryEnds: usize,
  offsets: usize,
  values: usize,
  triangle: usize,
): void {
  let row: usize = triangle;
  let entry: i32 = 0;
  for (let column: i32 = 0; column < columns; column++) {
    const end: i32 = load<i32>(columnEnds + (<usize>column << 2));
    for (; entry < end; entry++) {
      let position: usize = <usize>load<i32>(entryPositions + (<usize>entry << 2));
      const rowEnd: usize = <usize>load<i32>(entryEnds + (<usize>entry << 2));
      const value: f64 = load<f64>(values + (position << 3));
      while (position + 2 <= rowEnd) {
        const first: usize = row + load<u32>(offsets + (position << 2));
        const second: usize = row + load<u32>(offsets + (position << 2), 4);
        store<f64>(first, load<f64>(first) + value * load<f64>(values + (position << 3)));
        store<f64>(second, load<f64>(second) + value * load<f64>(values + (position << 3), 8));
        position += 2;
      }
      if (position < rowEnd) {
        const last: usize = row + load<u32>(offsets + (position << 2));
        store<f64>(last, load<f64>(last) + value * load<f64>(values + (position << 3)));
      }
    }
    // Packed rows lack the entries left of the diagonal.
    row += (<usize>(columns - column - 1)) << 3;
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
