import { expect, it } from 'vitest';
import { mergeTasks } from '../core/fits/merge-tree.js';
import { mergeLevels } from './merge-levels.js';

it('the merges that workflows start are those of the tree that the sums are added in', () => {
  for (const partials of [0, 1, 2, 31, 32, 33, 63, 64, 65, 1023, 1024, 1025, 32_768, 32_769, 100_000]) {
    expect(mergeLevels(partials), `${partials} partials`).toEqual(mergeTasks(partials));
  }
});
