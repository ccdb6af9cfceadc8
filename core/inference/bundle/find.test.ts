import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { addBundle } from './add.js';
import { findBundle, findBundleFolder, listBundles, modelsFolder } from './find.js';

let base: string;
let modelsDir: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-models-'));
  modelsDir = join(base, 'models');
});
afterEach(() => rm(base, { recursive: true }));

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

async function makeBundle(folder: string, id: string, graph = 'graph'): Promise<string> {
  await mkdir(folder, { recursive: true });
  const files = { 'model.onnx': graph, 'genes.json': '["ENSG00000000003"]' };
  const sums = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, sha256(text)]));
  const description = { format: 'obsmith-bundle', formatVersion: 1, id, kind: 'scvi', dim: 5 };
  await writeFile(
    join(folder, 'bundle.json'),
    JSON.stringify({ ...description, batching: 'any', precision: 'fp32', sha256: sums, licence: 'MIT' }),
  );
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

const find = (model: string, method = 'scvi_fm') => findBundle({ base, modelsDir, method, model });

test('a bundle is found by its id, whatever its folder is called, and by path', async () => {
  const folder = await makeBundle(join(modelsDir, 'some-folder'), 'my-scvi');
  await mkdir(join(modelsDir, 'no-bundle'));
  expect((await find('my-scvi')).folder).toBe(folder);
  expect((await find(folder)).id).toBe('my-scvi');
  expect((await find('./models/some-folder')).id).toBe('my-scvi');
});

test('a missing model says where it was looked for, what is there, and how to make or get it', async () => {
  await makeBundle(join(modelsDir, 'x'), 'my-scvi');
  await expect(
    findBundleFolder({ base, modelsDir, method: 'geneformer', model: 'geneformer-v2-104m' }),
  ).rejects.toMatchObject({
    type: 'MissingModel',
    message: `The model of geneformer is missing: no bundle "geneformer-v2-104m" in ${modelsDir}, which has my-scvi`,
    remedy: expect.stringMatching(
      /python scripts\/export\/geneformer\.py --model .* --series V2 --token-dictionary .* --out \.\/geneformer-v2-104m.*obsmith models add \.\/geneformer-v2-104m.*method_options\.geneformer\.model.*skip_unavailable/,
    ),
  });
  await expect(find('./nowhere')).rejects.toMatchObject({
    type: 'MissingModel',
    message: expect.stringContaining(join(base, 'nowhere')),
  });
});

test('a models folder that is not there has no bundles; a damaged one is listed with the reason', async () => {
  expect(await listBundles(modelsDir)).toEqual([]);
  const folder = await makeBundle(join(modelsDir, 'a'), 'my-scvi');
  await writeFile(join(folder, 'bundle.json'), '{}');
  expect(await listBundles(modelsDir)).toMatchObject([{ folder, description: { type: 'MissingModel' } }]);
  await expect(find('my-scvi')).rejects.toThrow(/no bundle "my-scvi"/);
});

test('the models folder: configuration, then OBSMITH_MODELS, then the data folder', () => {
  expect(modelsFolder('models', '/base', { OBSMITH_MODELS: '/m' })).toBe('/base/models');
  expect(modelsFolder(null, '/base', { OBSMITH_MODELS: '/m', HOME: '/home/a' })).toBe('/m');
  expect(modelsFolder(null, '/base', { HOME: '/home/a' })).toBe('/home/a/.local/share/obsmith/models');
  expect(modelsFolder(null, '/base', { HOME: '/home/a', XDG_DATA_HOME: '/data' })).toBe('/data/obsmith/models');
});

test('added bundles stand under their id; adding again changes nothing; another one needs --replace', async () => {
  const source = await makeBundle(join(base, 'exported'), 'my-scvi');
  await writeFile(join(source, 'notes.txt'), 'not part of the bundle');
  const added = await addBundle({ source, modelsDir, replace: false });
  expect(added.folder).toBe(join(modelsDir, 'my-scvi'));
  expect(await readdir(modelsDir)).toEqual(['my-scvi']);
  expect((await readdir(added.folder)).sort()).toEqual(['bundle.json', 'genes.json', 'model.onnx']);
  await addBundle({ source, modelsDir, replace: false });

  const other = await makeBundle(join(base, 'other'), 'my-scvi', 'another graph');
  await expect(addBundle({ source: other, modelsDir, replace: false })).rejects.toMatchObject({ type: 'InvalidInput' });
  expect(await readFile(join(added.folder, 'model.onnx'), 'utf8')).toBe('graph');
  await addBundle({ source: other, modelsDir, replace: true });
  expect(await readFile(join(added.folder, 'model.onnx'), 'utf8')).toBe('another graph');
  expect(await readdir(modelsDir)).toEqual(['my-scvi']);
});

test('a damaged bundle is not added', async () => {
  const source = await makeBundle(join(base, 'exported'), 'my-scvi');
  const damaged = join(base, 'damaged');
  await cp(source, damaged, { recursive: true });
  await writeFile(join(damaged, 'model.onnx'), 'grapi');
  await expect(addBundle({ source: damaged, modelsDir, replace: false })).rejects.toMatchObject({
    type: 'MissingModel',
  });
  expect(await readdir(base)).not.toContain('models');
});
