// Chosen columns of sparse rows as dense rows. The host (core/kernels/gather-columns.ts) lays out the memory.

/**
 * `rows` rows lie one after the other: their columns from `columns` on, `ends` says where each ends, and each value lies
 * `toValues` bytes behind its column. `places` has, for each column, its place in a dense row in bytes. Columns that are
 * left out have the place behind a row: what is written there is the beginning of the next row, which is cleared when
 * its turn comes. So nothing is asked about a value.
 */
export function gatherRows(rows: i32, ends: usize, columns: usize, toValues: usize, places: usize, out: usize, rowBytes: usize): void {
  for (let row: usize = 0; row < <usize>rows; row++) {
    const end: usize = load<u32>(ends + (row << 2));
    memory.fill(out, 0, rowBytes);
    for (; columns + 16 <= end; columns += 16) {
      const values = columns + toValues;
      store<u32>(out + place(places, columns, 0), load<u32>(values));
      store<u32>(out + place(places, columns, 4), load<u32>(values, 4));
      store<u32>(out + place(places, columns, 8), load<u32>(values, 8));
      store<u32>(out + place(places, columns, 12), load<u32>(values, 12));
    }
    for (; columns < end; columns += 4) store<u32>(out + place(places, columns, 0), load<u32>(columns + toValues));
    out += rowBytes;
  }
}

// @ts-ignore: decorator
@inline
function place(places: usize, columns: usize, offset: usize): usize {
  return load<u32>(places + (<usize>load<u32>(columns + offset) << 2));
}
