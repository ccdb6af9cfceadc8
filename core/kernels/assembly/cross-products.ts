// Cross products of sparse rows, added to the packed upper triangle of a columns x columns matrix. The host
// (core/kernels/cross-products.ts) lays out the memory. Column by column, so that one row of the triangle stays in the
// cache for all cells; each entry of the triangle still receives its products in the order of the rows.

/**
 * Entries [columnStarts[c], columnStarts[c + 1]) are column c's stored values in row order; each names its position in
 * `values` and where its row ends there. `offsets` holds 8 x the column of each value, ascending within a row.
 */
export function addCrossProducts(
  columns: i32,
  columnStarts: usize,
  entryPositions: usize,
  entryEnds: usize,
  offsets: usize,
  values: usize,
  triangle: usize,
): void {
  let row: usize = triangle;
  for (let column: i32 = 0; column < columns; column++) {
    const end: i32 = load<i32>(columnStarts + ((<usize>column + 1) << 2));
    for (let entry: i32 = load<i32>(columnStarts + (<usize>column << 2)); entry < end; entry++) {
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
