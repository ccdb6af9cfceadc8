import { invalidInput } from '../errors.js';
import { BLOCK_ROWS, type RowRange } from './types.js';

export interface BlockRange {
  readonly start: number;
  readonly end: number;
}

/** The rows of each block of a range, in order: every block but the last has `blockRows` rows. @throws InvalidInput beyond the matrix */
export function blockRanges(rows: number, range: RowRange = {}): BlockRange[] {
  const { start = 0, end = rows, blockRows = BLOCK_ROWS } = range;
  if (!(start >= 0 && start <= end && end <= rows && blockRows >= 1)) {
    throw invalidInput(
      `rows ${start} to ${end} in blocks of ${blockRows} do not lie in a matrix of ${rows} rows`,
      'Ask for rows that the matrix has.',
    );
  }
  const blocks: BlockRange[] = [];
  for (let first = start; first < end; first += blockRows)
    blocks.push({ start: first, end: Math.min(end, first + blockRows) });
  return blocks;
}
