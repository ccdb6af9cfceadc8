import { expect, test } from 'vitest';
import { parseOverride } from './overrides.js';

test.each([
  ['a.b=1', 'a.b', 1],
  ['a.b=', 'a.b', null],
  ['a.b=true', 'a.b', true],
  ['a=[hvg, pca]', 'a', ['hvg', 'pca']],
  ['a={scope: chunk}', 'a', { scope: 'chunk' }],
  ['a=x=y', 'a', 'x=y'],
  ['embedding_cpu.embedding_dim_map.geneformer-v1=512', 'embedding_cpu.embedding_dim_map.geneformer-v1', 512],
])('%s', (text, key, value) => {
  expect(parseOverride(text)).toEqual({ key, value });
});

test.each(['a', '=1', 'a..b=1', '.a=1', 'a b=1', 'a=[1', 'a={'])('%s is refused', (text) => {
  expect(() => parseOverride(text)).toThrow(expect.objectContaining({ type: 'InvalidConfig' }));
});
