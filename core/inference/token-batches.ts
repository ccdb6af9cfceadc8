/** What may stand side by side in one run of a model. */
export interface BatchLimits {
  /** Cells at most. */
  readonly cells: number;
  /** Places at most, padding included: cells x tokens of the longest. A single cell is always a batch. */
  readonly places: number;
  /** Only cells with the same number of tokens. */
  readonly equalLengths: boolean;
}

/**
 * Divides cells into batches of similar length, so that little is padded: longest first, so that memory runs out at once
 * or not at all. Gives positions in `lengths`; cells without tokens are in no batch.
 */
export function tokenBatches(lengths: ArrayLike<number>, { cells, places, equalLengths }: BatchLimits): number[][] {
  const order = Array.from(lengths, (_, cell) => cell)
    .filter((cell) => lengths[cell]! > 0)
    .sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  const batches: number[][] = [];
  for (const cell of order) {
    const batch = batches.at(-1);
    const longest = batch ? lengths[batch[0]!]! : 0;
    const fits =
      batch !== undefined &&
      batch.length < cells &&
      (batch.length + 1) * longest <= places &&
      (!equalLengths || lengths[cell] === longest);
    if (fits) batch.push(cell);
    else batches.push([cell]);
  }
  return batches;
}
