import { describe, expect, it } from 'vitest';
import { estimate } from './estimate.js';
import type { PlannedChunk, PlannedMethod } from './types.js';

const chunk = { cells: 1000, genes: 20_000, bytes: 1e6 } as PlannedChunk;
const methodOf = (fields: Partial<PlannedMethod>): PlannedMethod =>
  ({ queue: 'cpu', dim: 50, fitRounds: [], sparseOutput: false, options: {}, ...fields }) as PlannedMethod;
const weights = (weightBytes: number) => ({ id: 'm', sha256: '', folder: '', weightBytes });
const tokens = {
  vocabularySha256: '',
  tokenizer: { targetSum: 10_000, specialToken: true, inputSize: 4096, tieBreak: 'stable' },
} as const;

const gs = methodOf({ method: 'gs' });
const scvi = methodOf({ method: 'scvi_fm', model: weights(5e6) });
const geneformer = (weightBytes: number) =>
  methodOf({ method: 'geneformer', queue: 'gpu', dim: 768, model: weights(weightBytes), tokens });

const memory = (methods: PlannedMethod[], threads = 2, prepareOnly = false) =>
  estimate([{ chunk, methods, copiesInput: false }], threads, prepareOnly).memoryBytes;

describe('memory of workers', () => {
  it('has weights and buffers of the model for each thread that runs one', () => {
    const more = memory([scvi]).cpu - memory([gs]).cpu;
    expect(more).toBeGreaterThan(2 * 5e6);
    expect(memory([gs, scvi])).toEqual(memory([scvi]));
    expect(memory([scvi], 4).cpu - memory([gs], 4).cpu).toBe(2 * more);
  });

  it('has one model on workers of the GPU queue, whatever the number of threads', () => {
    const [small, large] = [memory([geneformer(4e8)]), memory([geneformer(9e8)])];
    expect(large.gpu - small.gpu).toBe(5e8);
    expect(memory([geneformer(4e8)], 16).gpu).toBe(small.gpu);
    // V2-104M took 0.5 GB with cells of 2,000 tokens; the longest have 4,096.
    expect(small.gpu).toBeGreaterThan(0.6e9);
    expect(small.gpu).toBeLessThan(1.2e9);
  });

  it('is that of the CPU queue alone where a run only prepares, and none where nothing is to be done', () => {
    expect(memory([geneformer(4e8)], 2, true)).toEqual({ cpu: memory([gs]).cpu - 2 * 32e6, gpu: 0 });
    expect(memory([])).toEqual({ cpu: 0, gpu: 0 });
  });
});
