import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConfig } from '../config/load.js';
import { type InputRequirements, requirementsOf, requirementsOfAll } from './input-requirements.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-requirements-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function requirementsBy(sections: string): Promise<InputRequirements> {
  const path = join(folder, 'conf.yaml');
  await writeFile(path, `dataset: { name: set }\nbase_file_path: .\nbatch_key: donor\n${sections}`);
  return requirementsOf(await loadConfig(path, { cwd: folder, env: {} }));
}

it.each<[string, string, Omit<InputRequirements, 'batchKey'>]>([
  ['methods of gene names', 'embedding_cpu: { methods: [hvg, pca] }', { counts: false, ensembl: null }],
  [
    'gene lists',
    'embedding_cpu: { methods: [hvg, gs] }',
    { counts: false, ensembl: { methods: ['gs'], mapSymbols: true } },
  ],
  [
    'models',
    'embedding_cpu: { methods: [scvi_fm] }\nembedding_gpu: { methods: [geneformer] }',
    { counts: true, ensembl: { methods: ['scvi_fm', 'geneformer'], mapSymbols: true } },
  ],
  [
    'a method that refuses symbols',
    'embedding_cpu: { methods: [gs] }\nembedding_gpu: { methods: [geneformer], method_options: { geneformer: { map_symbols: false } } }',
    { counts: true, ensembl: { methods: ['gs', 'geneformer'], mapSymbols: false } },
  ],
  [
    'a section that is disabled',
    'embedding_cpu: { methods: [hvg] }\nembedding_gpu: { enabled: false, methods: [geneformer] }',
    { counts: false, ensembl: null },
  ],
])('%s', async (_, sections, expected) => {
  expect(await requirementsBy(sections)).toEqual({ ...expected, batchKey: 'donor' });
});

it('all methods together need everything', () => {
  expect(requirementsOfAll(null)).toEqual({
    counts: true,
    ensembl: { methods: ['gs', 'gs10k', 'scvi_fm', 'geneformer', 'geneformer-v1'], mapSymbols: true },
    batchKey: null,
  });
});
