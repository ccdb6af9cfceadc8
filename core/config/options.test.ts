import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ObsmithError } from '../errors.js';
import { loadConfig } from './load.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-options-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function problemsOf(text: string): Promise<string[]> {
  await writeFile(join(folder, 'a.yaml'), `dataset: { name: a }\n${text}`);
  const error = (await loadConfig('a.yaml', { cwd: folder, env: { BASE_FILE_PATH: folder } }).catch(
    (thrown: unknown) => thrown,
  )) as ObsmithError;
  return error.problems.map(({ line, message, remedy }) => `${line} ${message} | ${remedy}`);
}

test.each([
  [
    'unknown option',
    'embedding_cpu:\n  methods: [hvg]\n  method_options:\n    hvg:\n      scop: chunk',
    /^6 embedding_cpu\.method_options\.hvg\.scop: unknown option of hvg \| Did you mean "scope"\?$/,
  ],
  [
    'wrong value',
    'embedding_cpu:\n  methods: [hvg]\n  method_options:\n    hvg: { scope: all }',
    /^5 embedding_cpu\.method_options\.hvg\.scope: .*found "all" \| /,
  ],
  [
    'wrong type',
    'embedding_cpu:\n  methods: [pca]\n  method_options:\n    pca: { n_top_genes: many }',
    /^5 embedding_cpu\.method_options\.pca\.n_top_genes: .*found "many" \| /,
  ],
  [
    'unknown method',
    'embedding_cpu:\n  methods: [hvg]\n  method_options: { hgv: {} }',
    /^4 embedding_cpu\.method_options\.hgv: unknown method "hgv" \| Did you mean "hvg"\?$/,
  ],
  [
    'options that are no mapping',
    'embedding_cpu:\n  methods: [hvg]\n  method_options: { hvg: chunk }',
    /^4 embedding_cpu\.method_options\.hvg: expected a mapping of keys, found "chunk" \| /,
  ],
  [
    'sections that disagree',
    'embedding_cpu: { methods: [hvg], method_options: { hvg: { scope: chunk } } }\nembedding_gpu: { method_options: { hvg: { scope: dataset } } }',
    /^3 embedding_gpu\.method_options\.hvg: options of hvg disagree with embedding_cpu\.method_options\.hvg/,
  ],
])('%s', async (_what, text, expected) => {
  expect(await problemsOf(text)).toEqual([expect.stringMatching(expected)]);
});

test('dimensions that a method cannot have are refused, also of methods that are not asked for', async () => {
  const dims = 'embedding_dim_map: { gs10k: 50, cw-geneformer: 768, hvg: 1000, pca: 30 }';
  const problems = await problemsOf(`embedding_cpu:\n  methods: [hvg]\n  ${dims}`);
  expect(problems).toHaveLength(2);
  expect(problems[0]).toMatch(/^4 embedding_cpu\.embedding_dim_map\.gs10k: .*10000/);
  expect(problems[1]).toMatch(/^4 embedding_cpu\.embedding_dim_map\.cw-geneformer: .*512/);
});

test('what only default values say agrees with what is written out', async () => {
  await writeFile(
    join(folder, 'a.yaml'),
    'dataset: { name: a }\nembedding_cpu: { methods: [hvg], method_options: { hvg: {} } }\nembedding_gpu: { method_options: { hvg: { scope: dataset } } }',
  );
  await expect(loadConfig('a.yaml', { cwd: folder, env: { BASE_FILE_PATH: folder } })).resolves.toBeDefined();
});
