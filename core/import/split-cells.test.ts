import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../package-root.js';
import { uniformRandom } from './random.js';
import { assignSplits } from './split-cells.js';
import { makeUnique } from './unique-names.js';

const expected = JSON.parse(await readFile(join(PACKAGE_ROOT, 'test/fixtures/import/expected.json'), 'utf8'));

describe('uniformRandom', () => {
  it('gives the numbers of sfc32', () => {
    const random = uniformRandom(expected.sfc32.seed);
    expect(Array.from({ length: 8 }, random)).toEqual(expected.sfc32.values);
  });
});

describe('assignSplits', () => {
  const count = (assignment: Int8Array, code: number): number => assignment.filter((value) => value === code).length;

  it('gives val ceil(n x 0.1) cells, drops those that are not kept', () => {
    for (const cells of [1, 2, 9, 10, 11, 1107]) {
      const assignment = assignSplits(new Uint8Array(cells).fill(1), 0.9, 3);
      expect(count(assignment, 1)).toBe(Math.ceil(cells / 10));
      expect(count(assignment, 0)).toBe(cells - Math.ceil(cells / 10));
    }
    const assignment = assignSplits(Uint8Array.of(1, 0, 1, 0), 0.5, 3);
    expect([assignment[1], assignment[3]]).toEqual([-1, -1]);
    expect(count(assignment, 0)).toBe(1);
  });

  it('is fair to every position', () => {
    const chosen = new Float64Array(20);
    for (let seed = 0; seed < 4000; seed += 1) {
      assignSplits(new Uint8Array(20).fill(1), 0.75, seed).forEach((code, cell) => {
        if (code === 0) chosen[cell]! += 1 / 4000;
      });
    }
    // Five standard deviations of a share of 0.75 in 4,000 draws.
    for (const share of chosen) expect(Math.abs(share - 0.75)).toBeLessThan(0.035);
  });
});

describe('makeUnique', () => {
  it('names as AnnData does', () => {
    const { names, unique } = expected.unique_names;
    expect(makeUnique(names)).toEqual({ names: unique, renamed: 4 });
  });
});
