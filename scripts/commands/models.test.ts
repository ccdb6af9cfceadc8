import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { obsmithIn } from '../../test/in-process-cli.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-cli-models-'));
});
afterEach(() => rm(folder, { recursive: true }));

const obsmith = (...argv: string[]) => obsmithIn(folder, { OBSMITH_MODELS: join(folder, 'models') }, argv);

async function exportBundle(name: string): Promise<void> {
  const path = join(folder, name);
  await mkdir(path);
  const files = { 'model.onnx': 'graph', 'genes.json': '["ENSG00000000003"]' };
  const sha256 = Object.fromEntries(
    Object.entries(files).map(([file, text]) => [file, createHash('sha256').update(text).digest('hex')]),
  );
  const common = { format: 'obsmith-bundle', formatVersion: 1, batching: 'any', precision: 'fp32', licence: 'MIT' };
  await writeFile(
    join(path, 'bundle.json'),
    JSON.stringify({ ...common, id: 'my-scvi', kind: 'scvi', dim: 5, sha256 }),
  );
  for (const [file, text] of Object.entries(files)) await writeFile(join(path, file), text);
}

test('add, list and verify a bundle', async () => {
  expect((await obsmith('models', 'list')).out).toContain('no bundles');
  await exportBundle('exported');
  expect((await obsmith('models', 'add', 'exported')).out).toContain('my-scvi');
  const listed = JSON.parse((await obsmith('models', 'list', '--json')).out);
  expect(listed).toMatchObject({
    modelsDir: join(folder, 'models'),
    bundles: [{ id: 'my-scvi', kind: 'scvi', series: null, dim: 5, folder: join(folder, 'models/my-scvi') }],
    damaged: [],
  });
  expect((await obsmith('models', 'list')).out).toMatch(/my-scvi +scvi +5 +fp32/);
  expect(await obsmith('models', 'verify')).toMatchObject({ code: 0, out: expect.stringContaining('✓ my-scvi') });
});

test('verify names the changed file and ends with 1', async () => {
  await exportBundle('exported');
  await obsmith('models', 'add', 'exported');
  await writeFile(join(folder, 'models/my-scvi/model.onnx'), 'grapi');
  const text = await obsmith('models', 'verify');
  expect(text).toMatchObject({ code: 1, err: expect.stringContaining('model.onnx was changed') });
  const { code, out } = await obsmith('models', 'verify', 'my-scvi', '--json');
  expect(code).toBe(1);
  expect(JSON.parse(out).bundles[0]).toMatchObject({
    id: null,
    problem: { message: expect.stringContaining('sha256') },
  });
});

test('an unknown bundle is a usage error with what there is', async () => {
  await exportBundle('exported');
  await obsmith('models', 'add', './exported', '--dir', 'elsewhere');
  expect(await obsmith('models', 'verify', 'scvi', '--dir', 'elsewhere')).toMatchObject({
    code: 2,
    err: expect.stringContaining('which has my-scvi'),
  });
  expect((await obsmith('models', 'add', 'nowhere')).code).toBe(2);
});

test('a damaged description is listed apart', async () => {
  await mkdir(join(folder, 'models/broken'), { recursive: true });
  await writeFile(join(folder, 'models/broken/bundle.json'), '{');
  const { damaged } = JSON.parse((await obsmith('models', 'list', '--json')).out);
  expect(damaged).toEqual([{ message: expect.stringContaining('bundle.json is no JSON'), remedy: expect.any(String) }]);
});
