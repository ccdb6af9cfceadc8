import { describe, expect, it } from 'vitest';
import { tokenBatches } from './token-batches.js';

const ANY = { cells: 128, places: 1000, equalLengths: false };
const lengthsOf = (count: number) => Array.from({ length: count }, (_, cell) => (cell * 7919) % 97);

describe('batches', () => {
  it('hold every cell with tokens once, and no other', () => {
    const lengths = lengthsOf(500);
    const cells = tokenBatches(lengths, ANY).flat();
    expect([...cells].sort((a, b) => a - b)).toEqual([...lengths.keys()].filter((cell) => lengths[cell]! > 0));
  });

  it('keep to the places, padding included, and to the number of cells', () => {
    const lengths = lengthsOf(500);
    for (const batch of tokenBatches(lengths, ANY))
      expect(batch.length * lengths[batch[0]!]!).toBeLessThanOrEqual(1000);
    for (const batch of tokenBatches(lengths, { ...ANY, cells: 3 })) expect(batch.length).toBeLessThanOrEqual(3);
    expect(tokenBatches([5, 5, 5], { ...ANY, cells: 1 })).toEqual([[0], [1], [2]]);
  });

  it('begin with the longest cells, and put cells of similar length together', () => {
    expect(tokenBatches([10, 500, 20, 490, 12], ANY)).toEqual([
      [1, 3],
      [2, 4, 0],
    ]);
  });

  it('of equal lengths never mix lengths', () => {
    const lengths = [4, 7, 4, 0, 7, 5];
    expect(tokenBatches(lengths, { ...ANY, equalLengths: true })).toEqual([[1, 4], [5], [0, 2]]);
  });

  it('take a cell that is larger than all places alone', () => {
    expect(tokenBatches([4000, 2, 2], ANY)).toEqual([[0], [1, 2]]);
  });
});
