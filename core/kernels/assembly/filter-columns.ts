// Which values of sparse rows lie in chosen columns. The host (core/kernels/filter-columns.ts) lays out the memory.

/**
 * `columns` has `count` columns of stored values; `chosen` has 4 for each column that is chosen, else 0. Writes where the
 * chosen ones lie among them to `positions`, and returns where these end. Others are written as well, and overwritten: a
 * branch would often be guessed wrong.
 */
export function findChosen(count: i32, columns: usize, chosen: usize, positions: usize): usize {
  let at: i32 = 0;
  for (; at + 4 <= count; at += 4) {
    store<i32>(positions, at);
    positions += <usize>load<u8>(chosen + <usize>load<u32>(columns));
    store<i32>(positions, at + 1);
    positions += <usize>load<u8>(chosen + <usize>load<u32>(columns, 4));
    store<i32>(positions, at + 2);
    positions += <usize>load<u8>(chosen + <usize>load<u32>(columns, 8));
    store<i32>(positions, at + 3);
    positions += <usize>load<u8>(chosen + <usize>load<u32>(columns, 12));
    columns += 16;
  }
  for (; at < count; at++) {
    store<i32>(positions, at);
    positions += <usize>load<u8>(chosen + <usize>load<u32>(columns));
    columns += 4;
  }
  return positions;
}
