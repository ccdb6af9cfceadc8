/** Rows [first, end) of a block. */
export interface RowPiece {
  readonly first: number;
  readonly end: number;
}

/** Divides rows into stretches of at most `rows` rows and `values` stored values; a single row may have more. */
export function* rowPieces(offsets: Int32Array, values: number, rows: number): Generator<RowPiece> {
  const last = offsets.length - 1;
  for (let first = 0; first < last; ) {
    let end = first + 1;
    const most = Math.min(last, first + rows);
    while (end < most && offsets[end + 1]! - offsets[first]! <= values) end++;
    yield { first, end };
    first = end;
  }
}
