import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConfig } from '../config/load.js';
import { availableMethods } from './gather.js';

const fixture = (name: string) => fileURLToPath(new URL(`../../test/fixtures/models/${name}`, import.meta.url));
const TINY = fixture('scvi-tiny');
const TINY_PCA = fixture('pca-tiny');

let base: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-models-'));
  await mkdir(join(base, 'models'));
});
afterEach(() => rm(base, { recursive: true }));

/** The methods of a configuration, with nothing of this machine's own models. */
async function available(yaml: string, env: NodeJS.ProcessEnv = {}) {
  await writeFile(join(base, 'c.yaml'), `dataset: { name: tiny }\n${yaml}`);
  const alone = { XDG_DATA_HOME: join(base, 'home'), BASE_FILE_PATH: base, ...env };
  const config = await loadConfig('c.yaml', { cwd: base, env: alone });
  return availableMethods(config, { config: 'c.yaml' }, alone);
}

const SCVI = 'embedding_cpu: { methods: [gs, scvi_fm] }\n';
const OPTIONS = (model: string) =>
  `embedding_cpu: { methods: [scvi_fm], method_options: { scvi_fm: { model: ${model} } } }\n`;

it('a missing model is refused before work, with how to make it', async () => {
  await expect(available(SCVI)).rejects.toMatchObject({
    type: 'MissingModel',
    message: expect.stringContaining('scvi_fm'),
    remedy: expect.stringContaining('scripts/export/scvi.py'),
  });
});

it('a missing model is left out with skip_unavailable, unless nothing else is left', async () => {
  const { methods, unavailable } = await available(`skip_unavailable: true\n${SCVI}`);
  expect(methods.map(({ method }) => method)).toEqual(['gs']);
  expect(unavailable).toMatchObject([{ method: 'scvi_fm', problem: { where: 'scvi_fm' } }]);
  await expect(available('skip_unavailable: true\nembedding_cpu: { methods: [scvi_fm] }\n')).rejects.toMatchObject({
    type: 'MissingModel',
  });
});

it('a model is found by its id in models_dir or OBSMITH_MODELS, or by its path, and frozen into the plan', async () => {
  await cp(TINY, join(base, 'models/scvi-tiny'), { recursive: true });
  const model = {
    id: 'scvi-tiny',
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    folder: join('models', 'scvi-tiny'),
  };
  const found = { methods: [{ method: 'scvi_fm', dim: 50, model }], unavailable: [] };
  expect(await available(`models_dir: models\n${OPTIONS('scvi-tiny')}`)).toMatchObject(found);
  expect(await available(OPTIONS('scvi-tiny'), { OBSMITH_MODELS: join(base, 'models') })).toMatchObject(found);
  expect(await available(OPTIONS('models/scvi-tiny'))).toMatchObject(found);
  expect(await available(OPTIONS(TINY))).toMatchObject({ methods: [{ model: { ...model, folder: TINY } }] });
});

it('a dimension that the model does not have is refused, naming both', async () => {
  const yaml = `embedding_cpu: { methods: [scvi_fm], embedding_dim_map: { scvi_fm: 10 }, method_options: { scvi_fm: { model: '${TINY}' } } }\n`;
  // Not a missing model: leaving it out would hide the mistake.
  await expect(available(`skip_unavailable: true\n${yaml}`)).rejects.toMatchObject({
    type: 'InvalidConfig',
    message: 'embedding_dim_map.scvi_fm is 10, but the model scvi-tiny has 50 dimensions',
  });
});

it('a changed bundle is refused, naming the file', async () => {
  await cp(TINY, join(base, 'models/scvi-tiny'), { recursive: true });
  await writeFile(join(base, 'models/scvi-tiny/genes.json'), '["ENSG00000000003"]');
  await expect(available(OPTIONS('models/scvi-tiny'))).rejects.toMatchObject({
    type: 'MissingModel',
    message: expect.stringContaining('genes.json was changed'),
  });
});

const PCA = (model: string, dim = 5) =>
  `embedding_cpu: { methods: [pca], embedding_dim_map: { pca: ${dim} }, method_options: { pca: { model: '${model}' } } }\n`;

it('pca takes a bundle of its own kind, which needs no fit', async () => {
  await cp(TINY_PCA, join(base, 'models/some-folder'), { recursive: true });
  const model = {
    id: 'pca-tiny',
    folder: join('models', 'some-folder'),
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  };
  const found = { methods: [{ method: 'pca', dim: 5, fitRounds: [], model }] };
  expect(await available(`models_dir: models\n${PCA('pca-tiny')}`)).toMatchObject(found);
  expect(await available(PCA('./models/some-folder'))).toMatchObject(found);
  for (const builtIn of ['fit', 'pretrained'])
    expect((await available(PCA(builtIn, 50))).methods[0]).not.toHaveProperty('model');
});

it('pca names the bundle that is missing, how to make it, and what needs none', async () => {
  await expect(available(PCA('pretraind'))).rejects.toMatchObject({
    type: 'MissingModel',
    message: expect.stringContaining('no bundle "pretraind"'),
    remedy: expect.stringMatching(/python scripts\/export\/pca\.py --model .* --out \.\/pretraind.*fit or pretrained/),
  });
});

it('pca refuses bundles of another kind, dimension or content; other methods refuse those of pca', async () => {
  await expect(available(PCA(TINY, 50))).rejects.toMatchObject({
    type: 'InvalidConfig',
    message: 'method_options.pca.model names scvi-tiny, a bundle of scvi, but pca runs bundles of pca',
  });
  const geneformer = `embedding_cpu: { methods: [geneformer], method_options: { geneformer: { model: '${TINY_PCA}' } } }\n`;
  await expect(available(geneformer)).rejects.toMatchObject({
    type: 'InvalidConfig',
    message: expect.stringContaining('names pca-tiny, a bundle of pca, but geneformer runs bundles of geneformer'),
  });
  await expect(available(PCA(TINY_PCA, 50))).rejects.toMatchObject({
    type: 'InvalidConfig',
    message: 'embedding_dim_map.pca is 50, but the model pca-tiny has 5 dimensions',
  });
  await cp(TINY_PCA, join(base, 'models/pca'), { recursive: true });
  const file = join(base, 'models/pca/components.f64');
  const bytes = await readFile(file);
  bytes[100]! ^= 1;
  await writeFile(file, bytes);
  await expect(available(PCA('./models/pca'))).rejects.toMatchObject({
    type: 'MissingModel',
    message: expect.stringContaining('components.f64 was changed'),
  });
});
