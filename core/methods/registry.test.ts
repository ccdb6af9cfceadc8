import { describe, expect, it } from 'vitest';
import { findMethod, methodNames, methods } from './registry.js';

describe('registry', () => {
  it('knows every method that configurations of the original name, under its own name', () => {
    for (const name of ['hvg', 'pca', 'gs', 'gs10k', 'scvi_fm', 'geneformer', 'geneformer-v1', 'cw-geneformer']) {
      expect(findMethod(name).name).toBe(name);
    }
    for (const [name, method] of methods) expect(method.name).toBe(name);
    expect(methodNames).toEqual([...methods.keys()]);
  });

  it('suggests the nearest name for an unknown one', () => {
    expect(() => findMethod('geneformerv1')).toThrow(
      expect.objectContaining({
        type: 'InvalidConfig',
        message: 'Unknown method "geneformerv1"',
        remedy: expect.stringContaining('"geneformer-v1"'),
      }),
    );
    expect(() => findMethod('umap-something')).toThrow(
      expect.objectContaining({ remedy: expect.stringContaining('gs10k') }),
    );
  });
});
