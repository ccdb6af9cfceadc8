import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConfig } from '../config/load.js';
import { isPrepareOnly, methodsToRun } from './prepare-only.js';
import type { RunRequest } from './types.js';

const SECTIONS =
  'embedding_cpu: { methods: [hvg, scvi_fm] }\nembedding_gpu: { methods: [geneformer, geneformer-v1] }\n';
const NARROWED = `${SECTIONS}embedding_preparation: { methods: [hvg, geneformer] }\n`;

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-prepare-only-'));
});
afterEach(() => rm(base, { recursive: true }));

async function namesOf(yaml: string, request: Omit<RunRequest, 'config'>): Promise<string[]> {
  await writeFile(join(base, 'c.yaml'), `dataset: { name: toy }\n${yaml}`);
  const config = await loadConfig('c.yaml', { cwd: base, env: { BASE_FILE_PATH: base } });
  return methodsToRun(config, { config: 'c.yaml', ...request }).map(({ method }) => method);
}

const PREPARE: Omit<RunRequest, 'config'> = { prepareOnly: true };
const SECTION: Omit<RunRequest, 'config'> = { section: 'embedding_preparation' };

it('a run that embeds runs all methods, whatever embedding_preparation names', async () => {
  expect(await namesOf(NARROWED, {})).toEqual(['hvg', 'scvi_fm', 'geneformer', 'geneformer-v1']);
});

it.each([PREPARE, { section: 'embedding_preparation' as const }])('%o only prepares', (request) => {
  expect(isPrepareOnly(request)).toBe(true);
});

it.each<[string, string, Omit<RunRequest, 'config'>, string[]]>([
  ['all methods that need it', SECTIONS, PREPARE, ['geneformer', 'geneformer-v1']],
  ['those that embedding_preparation names', NARROWED, PREPARE, ['geneformer']],
  ['those of the section', NARROWED, SECTION, ['geneformer']],
  [
    'all where the section names none',
    `${SECTIONS}embedding_preparation: {}`,
    SECTION,
    ['geneformer', 'geneformer-v1'],
  ],
  ['those asked for by name', NARROWED, { ...PREPARE, methods: ['geneformer-v1'] }, ['geneformer-v1']],
  ['those of another section', SECTIONS, { ...PREPARE, section: 'embedding_cpu' }, []],
])('prepares %s', async (_what, yaml, request, expected) => {
  expect(await namesOf(yaml, request)).toEqual(expected);
});
