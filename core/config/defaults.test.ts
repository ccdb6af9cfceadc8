import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../package-root.js';
import { readDefaults } from './defaults.js';
import { readYaml } from './read-yaml.js';
import { configSchema, embeddingSchema } from './schema.js';
import { isTree, type Tree, valueAt } from './tree.js';

/** Keys that have no default: they are derived, or copied from other keys. */
const DERIVED = new Set(['file_path', 'batch_key', 'input_files', 'output_dir']);

test('every key stands in conf/dataset_default.yaml, and no other', async () => {
  const defaults = await readDefaults();
  expect(Object.keys(defaults).sort()).toEqual(Object.keys(configSchema.shape).sort());
  const embedding = Object.keys(embeddingSchema.shape).filter((key) => !DERIVED.has(key));
  for (const name of ['embedding_preparation', 'embedding_cpu', 'embedding_gpu']) {
    expect(Object.keys(defaults[name] as Tree).sort()).toEqual(embedding.sort());
  }
});

test('defaults are those of the upstream project, except that no method runs unasked and model paths are options', async () => {
  const defaults = await readDefaults();
  const { tree: upstream } = await readYaml(
    join(PACKAGE_ROOT, 'test/fixtures/upstream_conf/dataset_default.yaml'),
    '/',
  );
  const different = leaves(upstream).filter(
    (path) => JSON.stringify(valueAt(defaults, path)) !== JSON.stringify(valueAt(upstream, path)),
  );
  expect(
    different.map((path) => path.join('.')).filter((path) => !/nextcloud_config|zenodo_config/.test(path)),
  ).toEqual([
    'embedding_cpu.methods',
    'embedding_gpu.methods',
    'embedding_gpu.init_kwargs.geneformer_root',
    'embedding_gpu.init_kwargs.cw_model_path',
  ]);
});

function leaves(tree: Tree, above: readonly string[] = []): string[][] {
  return Object.entries(tree).flatMap(([key, value]) =>
    isTree(value) ? leaves(value, [...above, key]) : [[...above, key]],
  );
}
