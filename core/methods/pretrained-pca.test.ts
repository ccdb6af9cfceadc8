import { expect, it } from 'vitest';
import { loadPretrainedPca, type PretrainedPca } from './pretrained-pca.js';

it('is the model of the original: 50 orthonormal components over the 10,000 genes of gs10k', async () => {
  const model = await loadPretrainedPca();
  expect(model).toMatchObject({ id: 'cellxgene_geo_pca_10000_to_50', dim: 50 });
  expect(model.genes.length).toBe(10_000);
  expect(model.components.length).toBe(50 * 10_000);
  for (const array of [model.pcaMean, model.scalerMean, model.scalerScale]) expect(array.length).toBe(10_000);
  expect(model.genes[0]).toBe('ENSG00000118271');
  // First values of the arrays in the original's pickle, as numpy prints them.
  expect(model.components[0]).toBeCloseTo(-0.00051228, 8);
  expect(model.scalerMean[0]).toBeCloseTo(0.23186548, 8);
  expect(model.scalerScale[0]).toBeCloseTo(0.9251676, 7);
  for (const [a, b] of [
    [0, 0],
    [49, 49],
    [0, 1],
    [3, 42],
  ] as const) {
    expect(dot(model.components, a, b)).toBeCloseTo(a === b ? 1 : 0, 4);
  }
});

function dot(components: PretrainedPca['components'], a: number, b: number): number {
  let sum = 0;
  for (let gene = 0; gene < 10_000; gene++) sum += components[a * 10_000 + gene]! * components[b * 10_000 + gene]!;
  return sum;
}
