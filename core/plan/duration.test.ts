import { describe, expect, it } from 'vitest';
import type { FitRound } from '../fits/types.js';
import { estimateDuration } from './duration.js';
import type { PlannedChunk, PlannedMethod } from './types.js';

const CELLS = 12_500;
const FIT_ROUNDS: Readonly<Record<string, readonly FitRound[]>> = {
  hvg: ['gene-statistics'],
  pca: ['gene-statistics', 'gram'],
};

const planned = (method: string, queue: 'cpu' | 'gpu' = 'cpu'): PlannedMethod =>
  ({ method, queue, fitRounds: FIT_ROUNDS[method] ?? [] }) as unknown as PlannedMethod;

const chunks = (methods: readonly PlannedMethod[], count = 4) =>
  Array.from({ length: count }, () => ({ chunk: { cells: CELLS } as PlannedChunk, methods, copiesInput: true }));

describe('estimateDuration', () => {
  it('comes within a factor of two of the benchmark in README.md: 50,000 cells, hvg, pca and gs, 26.5 s on 2 cores', () => {
    const methods = ['hvg', 'pca', 'gs'].map((method) => planned(method));
    const { seconds, cores, notCounted } = estimateDuration(chunks(methods), methods.slice(0, 2), 4 * CELLS, 2);
    expect(seconds).toBeGreaterThan(13);
    expect(seconds).toBeLessThan(53);
    expect([cores, notCounted]).toEqual([2, []]);
  });

  it('counts nothing that is there, shared statistics once, and names the methods of GPUs instead', () => {
    expect(estimateDuration(chunks([]), [], 0, 2).seconds).toBe(0);
    const [hvg, pca] = [planned('hvg'), planned('pca')];
    const both = estimateDuration([], [hvg, pca], 4 * CELLS, 1).seconds;
    expect(both).toBe(estimateDuration([], [pca], 4 * CELLS, 1).seconds);
    const gpu = planned('geneformer', 'gpu');
    const without = estimateDuration(chunks([hvg]), [], 0, 1);
    expect(estimateDuration(chunks([hvg, gpu]), [], 0, 1)).toEqual({ ...without, notCounted: ['geneformer'] });
  });
});
