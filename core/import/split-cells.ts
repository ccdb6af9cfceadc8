import { uniformRandom } from './random.js';

/** What `assignSplits` gives a cell: 0 is the first split (train), 1 the second (val), -1 dropped. */
export type Assignment = Int8Array;

/**
 * Divides the kept cells at random: exactly n - ceil(n x (1 - fraction)) of them get 0, as scikit-learn's
 * train_test_split counts, the others 1. Selection sampling (Knuth, TAOCP 3.4.2, algorithm S) in cell order
 * over sfc32, so the result is a function of the kept cells' number and the seed alone.
 */
export function assignSplits(kept: Uint8Array, fraction: number, seed: number): Assignment {
  const random = uniformRandom(seed);
  let remaining = kept.reduce((sum, flag) => sum + flag, 0);
  let wanted = remaining - Math.ceil(remaining * (1 - fraction) - 1e-9);
  return Int8Array.from(kept, (flag) => {
    if (flag === 0) return -1;
    const first = random() * remaining < wanted;
    remaining -= 1;
    if (first) wanted -= 1;
    return first ? 0 : 1;
  });
}

/** All kept cells in one split. */
export function assignAll(kept: Uint8Array): Assignment {
  return Int8Array.from(kept, (flag) => (flag === 1 ? 0 : -1));
}
