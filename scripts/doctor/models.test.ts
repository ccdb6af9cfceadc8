import { appendFile, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../core/package-root.js';
import { checkModels, checkRuntime } from './models.js';

const BUNDLES = join(PACKAGE_ROOT, 'test/fixtures/models');
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-doctor-'));
});
afterEach(() => rm(folder, { recursive: true }));

const check = () => checkModels({ OBSMITH_MODELS: folder }, '/');
const add = (name: string) => cp(join(BUNDLES, name), join(folder, name), { recursive: true });

it('says where bundles would be looked for, and how to make one', async () => {
  expect(await check()).toMatchObject({
    state: 'absent',
    found: `none in ${folder}`,
    remedy: expect.stringContaining('obsmith models add'),
  });
});

it('names every bundle with what it is', async () => {
  await add('scvi-tiny');
  await add('geneformer-v1-tiny');
  expect(await check()).toMatchObject({
    state: 'ok',
    found: `${folder}: geneformer-v1-tiny (geneformer V1, 24 dimensions); scvi-tiny (scvi, 50 dimensions)`,
  });
});

it('tells a damaged bundle from a good one by its content', async () => {
  await add('scvi-tiny');
  await add('geneformer-tiny');
  await appendFile(join(folder, 'geneformer-tiny/weights.bin'), 'x');
  const { state, found } = await check();
  expect(state).toBe('absent');
  expect(found).toContain('scvi-tiny (scvi, 50 dimensions); damaged: ');
  expect(found).toContain('weights.bin was changed');
});

it('names the version of ONNX Runtime and what it runs on', async () => {
  const { state, found } = await checkRuntime();
  expect(state).toBe('ok');
  expect(found).toMatch(/^\d+\.\d+\.\d+; execution providers: cpu, /);
});
