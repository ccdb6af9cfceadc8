import { describe, expect, it } from 'vitest';
import type { ChunkScan } from '../dataset/types.js';
import type { Fit } from '../fits/types.js';
import type { PlannedMethod } from '../plan/types.js';
import { inputProvenance, signatureOf } from './provenance.js';

const method: PlannedMethod = {
  method: 'gs',
  dim: 3936,
  options: { min_coverage: 0 },
  batchKey: 'batch',
  batchSize: 128,
  queue: 'cpu',
  algorithmVersion: 1,
  chunkRows: 16384,
  overwrite: false,
  fitRounds: [],
  sparseOutput: true,
  source: 'expression',
};

const scan: ChunkScan = {
  name: 'train/chunk_0',
  cells: 3,
  genes: 2,
  obsColumns: ['batch'],
  varColumns: ['ensembl_id'],
  layers: ['counts'],
  hasX: true,
  fingerprint: 'f',
  digests: {
    X: 'digest of X',
    'layers/counts': 'digest of counts',
    'obs/_index': 'digest of cells',
    'obs/batch': 'digest of batches',
    'var/_index': 'digest of genes',
    'var/ensembl_id': 'digest of ids',
  },
  expression: 'X',
};

const withDigest = (element: string): ChunkScan => ({ ...scan, digests: { ...scan.digests, [element]: 'other' } });

describe('inputProvenance', () => {
  it('names method, parameters, algorithm version and input', () => {
    expect(inputProvenance(method, scan, null)).toEqual({
      method: 'gs',
      parameters: { dim: 3936, min_coverage: 0 },
      algorithmVersion: 1,
      inputDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it.each(['X', 'obs/_index', 'var/_index', 'var/ensembl_id'])('changes with %s', (element) => {
    expect(inputProvenance(method, withDigest(element), null)).not.toEqual(inputProvenance(method, scan, null));
  });

  it.each(['layers/counts', 'obs/batch'])('does not change with %s, which the method does not read', (element) => {
    expect(inputProvenance(method, withDigest(element), null)).toEqual(inputProvenance(method, scan, null));
  });

  it('depends on counts where expression is made from them, and then not on X', () => {
    const fromCounts = (found: ChunkScan) =>
      inputProvenance(method, { ...found, expression: 'layers/counts' }, null).inputDigest;
    expect(fromCounts(withDigest('layers/counts'))).not.toBe(fromCounts(scan));
    expect(fromCounts(withDigest('X'))).toBe(fromCounts(scan));
  });

  it('does not depend on where, when or in what pieces the work is done', () => {
    const moved: PlannedMethod = {
      ...method,
      batchSize: 7,
      chunkRows: 1000,
      queue: 'gpu',
      overwrite: true,
      batchKey: null,
    };
    expect(inputProvenance(moved, { ...scan, fingerprint: 'g' }, null)).toEqual(inputProvenance(method, scan, null));
  });

  it('names the fit', () => {
    const fit = { id: 'fit-7' } as Fit;
    expect(inputProvenance(method, scan, fit)).toMatchObject({ fit: 'fit-7' });
  });

  it('refuses a chunk that has gained an element since it was planned', () => {
    const { 'var/ensembl_id': _, ...digests } = scan.digests;
    expect(() => inputProvenance(method, { ...scan, digests }, null)).toThrow(
      expect.objectContaining({ type: 'InvalidInput', message: expect.stringContaining('without var/ensembl_id') }),
    );
  });
});

describe('signatureOf', () => {
  it('does not depend on the order of keys, and changes with every value', () => {
    const signature = signatureOf({ method: 'gs', parameters: { a: 1, b: [1, 2] } });
    expect(signatureOf({ parameters: { b: [1, 2], a: 1 }, method: 'gs' })).toBe(signature);
    expect(signatureOf({ method: 'gs', parameters: { a: 1, b: [2, 1] } })).not.toBe(signature);
    expect(signature).toMatch(/^[0-9a-f]{64}$/);
  });
});
