import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { roundFolder } from '../dataset/layout.js';
import type { Plan, PlannedMethod } from '../plan/types.js';
import { QUIET } from '../tasks/types.js';
import { mergeRound } from './merge-round.js';
import { mergeTasks, topOf } from './merge-tree.js';
import { withPartials } from './partial-file.js';
import { isDone, partialFile } from './round-files.js';
import { addStatistics, openStatistics, writeStatistics } from './statistics-partial.js';

const bases: string[] = [];
afterEach(async () => {
  for (const base of bases.splice(0)) await rm(base, { recursive: true, force: true });
});

describe('the merge tree', () => {
  it('has the levels that its chunks need', () => {
    expect([1, 2, 32, 33, 1024, 1025, 10_000].map(mergeTasks)).toEqual([[], [], [], [2], [32], [33, 2], [313, 10]]);
  });

  it('adds partials in a fixed order, whatever the order of merges', async () => {
    const base = await mkdtemp(join(tmpdir(), 'obsmith-tree-'));
    bases.push(base);
    const partials = 70;
    const method = { method: 'hvg', fitRounds: ['gene-statistics'] } as unknown as PlannedMethod;
    const roots: Float64Array[] = [];
    for (const key of ['forwards', 'backwards']) {
      const resolved = {
        chunks: Array.from({ length: partials }, (_, index) => ({ index, name: `all/chunk_${index}` })),
        leftOut: [],
        unusable: {},
        fits: { hvg: 'not there yet' },
        rounds: { hvg: { 'gene-statistics': key } },
      };
      const round = {
        loaded: { base, plan: { methods: [method] } as unknown as Plan },
        round: 'gene-statistics' as const,
        method,
        resolved,
      };
      for (let position = 0; position < partials; position++) {
        const header = {
          chunks: [{ name: `all/chunk_${position}`, digest: '' }],
          cells: 1,
          genes: ['a', 'b'],
          batches: [''],
          cellsPerBatch: [1],
        };
        const values = Float64Array.from({ length: 4 }, (_, at) => 1 / (position + at + 1) ** 3);
        await writeStatistics(join(base, roundFolder(key), 'level-0', `${position}.sums`), header, (deliver) =>
          deliver(0, values),
        );
      }
      const first = key === 'forwards' ? [0, 1, 2] : [2, 0, 1, 1];
      for (const index of first) await mergeRound({ ...round, level: 1, index }, QUIET);
      expect(await readdir(join(base, roundFolder(key), 'level-0'))).toEqual([]);
      // What was merged need not be summed again.
      expect(await isDone(join(base, roundFolder(key)), { level: 0, index: 69 }, partials)).toBe(true);
      const top = topOf(partials).map((place) => partialFile(join(base, roundFolder(key)), place));
      await withPartials(top, openStatistics, async (readers) => {
        const { header, sumsOf } = addStatistics(readers);
        expect(header).toMatchObject({ cells: partials, cellsPerBatch: [partials] });
        expect(header.chunks.map(({ name }) => name)).toEqual(resolved.chunks.map(({ name }) => name));
        const sums = new Float64Array(4);
        await sumsOf(0, sums);
        roots.push(sums);
      });
    }
    expect(roots[0]).toEqual(roots[1]);
    const branches = [0, 32, 64].map((start) => {
      let sum = 0;
      for (let position = start; position < Math.min(partials, start + 32); position++) sum += 1 / (position + 1) ** 3;
      return sum;
    });
    expect(roots[0]![0]).toBe(0 + branches[0]! + branches[1]! + branches[2]!);
  });
});
