import { cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { PACKAGE_ROOT } from '../package-root.js';
import { type LoadOptions, loadConfig } from './load.js';
import { configDocument, stringifyConfig } from './stringify.js';

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'obsmith-config-')));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

const load = (name = 'a.yaml', options: LoadOptions = {}) =>
  loadConfig(name, { env: { BASE_FILE_PATH: folder }, cwd: folder, ...options });

const MINIMAL = 'dataset: { name: pbmc }\nembedding_cpu: { methods: [gs] }\n';

describe('on a machine that mounts the base folder elsewhere', () => {
  test('BASE_FILE_PATH stands in for a base folder that is not there, with a note', async () => {
    await write({ 'a.yaml': `base_file_path: /another/mount\n${MINIMAL}` });
    const config = await load('a.yaml', { ofOtherMachine: true });
    expect(config.base).toBe(folder);
    expect(config.notes).toEqual([`/another/mount is not there; BASE_FILE_PATH is: ${folder}`]);
  });

  test('a configuration below the base folder is found by the end of its path, the longest first', async () => {
    await write({ 'conf/a.yaml': MINIMAL, 'a.yaml': MINIMAL.replace('pbmc', 'other') });
    const elsewhere = { cwd: tmpdir(), ofOtherMachine: true };
    for (const path of ['/another/mount/conf/a.yaml', 'conf/a.yaml'])
      expect(await load(path, elsewhere)).toMatchObject({ file: join(folder, 'conf/a.yaml') });
    await expect(load('/another/mount/conf/b.yaml', elsewhere)).rejects.toThrow('/another/mount/conf/b.yaml');
  });

  test('nothing stands in where a command is given the paths of this machine', async () => {
    await write({ 'a.yaml': `base_file_path: /another/mount\n${MINIMAL}` });
    await expect(load()).rejects.toThrow('Base folder not found: /another/mount');
    await expect(load('a.yaml', { cwd: tmpdir() })).rejects.toThrow('a.yaml');
  });

  test('what is there goes first', async () => {
    await write({ 'here/a.yaml': MINIMAL, 'here/base/a.yaml': MINIMAL, 'other/id': '' });
    const env = { BASE_FILE_PATH: join(folder, 'other') };
    const config = await load('a.yaml', {
      ...{ cwd: join(folder, 'here'), env, set: { base_file_path: 'base' } },
      ofOtherMachine: true,
    });
    expect(config).toMatchObject({ file: join(folder, 'here/a.yaml'), base: join(folder, 'here/base'), notes: [] });
  });
});

describe('what loads', () => {
  test('a minimal configuration gets every default', async () => {
    await write({ 'a.yaml': MINIMAL });
    const config = await load();
    expect(config).toMatchObject({
      base: folder,
      split_dataset: true,
      fit_splits: 'auto',
      max_failed_chunks: 0,
      max_open_chunks: 64,
      on_stale: 'recompute',
      adopt_existing: true,
      skip_unavailable: false,
      input_folder: 'processed/train/pbmc',
      output_folder: 'processed_with_emb/train/pbmc',
      input_format: 'auto',
      input_files: null,
      notes: [],
    });
    expect(config.embeddingSections.embedding_cpu).toMatchObject({
      enabled: true,
      methods: ['gs'],
      batch_size: 128,
      chunk_rows: 16384,
      memory_gb: 60,
      overwrite: false,
      embedding_dim_map: { hvg: 512, pca: 50, gs: 3936, gs10k: 10000, 'cw-geneformer': 512 },
    });
    expect(config.embeddingSections.embedding_gpu).toBeNull();
    expect(config.preprocessing).toMatchObject({ min_cells: 20, train_split: 0.9, split_dataset: true });
  });

  test.each(['dataset_config_example.yaml', 'dataset_default.yaml'])(
    'the upstream project’s %s, unchanged',
    async (name) => {
      await cp(join(PACKAGE_ROOT, 'test/fixtures/upstream_conf'), folder, { recursive: true });
      const set = name === 'dataset_default.yaml' ? { 'dataset.name': 'demo_dataset' } : {};
      const config = await load(name, { set });
      expect(config.dataset.name).toBe('demo_dataset');
      expect(config.notes).toHaveLength(1);
      expect(config.notes[0]).toContain('embedding_gpu.init_kwargs is not used');
    },
  );

  test('the upstream example derives the upstream project’s paths and keys', async () => {
    await cp(join(PACKAGE_ROOT, 'test/fixtures/upstream_conf'), folder, { recursive: true });
    const config = await load('dataset_config_example.yaml');
    expect(config.embeddingSections.embedding_cpu).toMatchObject({
      methods: ['pca', 'scvi_fm', 'gs10k'],
      batch_key: 'dataset_title',
      output_dir: 'processed_with_emb/train/demo_dataset',
    });
    expect(config.embeddingSections.embedding_gpu).toMatchObject({ enabled: false, methods: ['geneformer-v1'] });
    expect(config.download).toMatchObject({
      full_file_path: 'raw/train/cellxgene_pseudo_bulk_subset.h5ad',
      output_path: 'raw/train/demo_dataset.h5ad',
      stratify_keys: ['dataset_title', 'cell_type'],
    });
    expect(config.preprocessing).toMatchObject({
      input_file: 'raw/train/demo_dataset.h5ad',
      output_dir: 'processed/train/demo_dataset',
      batch_key: 'dataset_title',
      instrument_key: 'assay',
      consolidation_categories: ['dataset_title', 'cell_type'],
      categories_of_interest: ['dataset_title', 'cell_type', 'assay', 'tissue', 'disease'],
      chunk_size: 100000,
    });
    expect(config.dataset_creation).toMatchObject({
      dataset_name: 'demo_dataset',
      data_dir: 'processed_with_emb/train/demo_dataset',
      annotation_key: 'cell_type',
      caption_key: 'natural_language_annotation',
      cs_length: [4096],
    });
    expect(config.required_obsm_keys).toEqual(['X_pca', 'X_scvi_fm', 'X_gs10k']);
  });

  test('the configurations that Obsmith brings along', async () => {
    const example = await loadConfig(join(PACKAGE_ROOT, 'conf/dataset_example.yaml'), {
      env: {},
      cwd: folder,
      mayLackBase: true,
    });
    expect(example).toMatchObject({
      base: join(folder, 'data'),
      notes: [`Base folder not found: ${join(folder, 'data')}`],
    });
  });

  test('a missing dataset_default.yaml is built in; composition goes in order, with _self_ where it stands', async () => {
    await write({
      'a.yaml': `defaults: [dataset_default.yaml, conf/site, _self_]\n${MINIMAL}max_open_chunks: 3\n`,
      'conf/site.yaml':
        'defaults: [more.yaml]\nmax_open_chunks: 8\nmax_failed_chunks: 8\nembedding_cpu: { batch_size: 8 }\n',
      'conf/more.yaml': 'max_open_chunks: 9\nmax_failed_chunks: 9\nbatch_key: batch\n',
      'b.yaml': `defaults: [_self_, conf/more.yaml]\n${MINIMAL}max_open_chunks: 3\n`,
    });
    expect(await load()).toMatchObject({ max_open_chunks: 3, max_failed_chunks: 8, batch_key: 'batch' });
    expect((await load()).embeddingSections.embedding_cpu).toMatchObject({
      methods: ['gs'],
      batch_size: 8,
      batch_key: 'batch',
    });
    expect(await load('b.yaml')).toMatchObject({ max_open_chunks: 9 });
  });

  test('a reference takes the value with its type, also inside text and over several steps', async () => {
    await write({
      'a.yaml': `${MINIMAL}batch_key: \${annotation_key}\nannotation_key: \${instrument_key}\ninstrument_key: "x \${dataset.name}-\${max_open_chunks}"\nmax_open_chunks: \${embedding_cpu.batch_size}\nother_bio_labels: \${embedding_cpu.methods}\n`,
    });
    expect(await load()).toMatchObject({ batch_key: 'x pbmc-128', max_open_chunks: 128, other_bio_labels: ['gs'] });
  });

  test('--set goes above all files and is of YAML’s types', async () => {
    await write({ 'a.yaml': MINIMAL });
    const config = await load('a.yaml', {
      set: { 'embedding_cpu.methods': ['gs10k'], 'dataset.name': 'other', 'embedding_gpu.methods': ['geneformer'] },
    });
    expect(config.input_folder).toBe('processed/train/other');
    expect(config.embeddingSections.embedding_cpu!.methods).toEqual(['gs10k']);
    expect(config.embeddingSections.embedding_gpu).toMatchObject({ methods: ['geneformer'], batch_size: 128 });
  });

  test.each([
    ['split_dataset: false\n', 'processed/test/pbmc', 'processed_with_emb/test/pbmc'],
    ['preprocessing: { split_dataset: false }\n', 'processed/test/pbmc', 'processed_with_emb/test/pbmc'],
    ['preprocessing: { output_dir: chunks/x/ }\n', 'chunks/x', 'processed_with_emb/train/pbmc'],
    ['embedding_gpu: { output_dir: ./out }\n', 'processed/train/pbmc', 'out'],
  ])('%s decides where chunks lie', async (text, input, output) => {
    await write({ 'a.yaml': MINIMAL + text });
    expect(await load()).toMatchObject({ input_folder: input, output_folder: output });
  });

  test('input files and format come from the top level or any section, relative to the base', async () => {
    await write({
      'a.yaml': `${MINIMAL}input_files: [${folder}/x/train/chunk_0.zarr]\nembedding_gpu: { input_format: zarr }\n`,
    });
    expect(await load()).toMatchObject({ input_files: ['x/train/chunk_0.zarr'], input_format: 'zarr' });
  });

  test('what is ignored or replaced is said once', async () => {
    await write({
      'a.yaml': `${MINIMAL}download: { foo: 1, seed: 1 }\npreprocessing: { bar: 2 }\nembedding_gpu: { execution_location: gpu, venv_path: .venv, init_kwargs: { geneformer_root: x } }\n`,
    });
    expect((await load()).notes).toEqual([
      'Ignored (keys of steps that Obsmith does not run): download.foo, preprocessing.bar',
      expect.stringContaining('geneformer_root -> models_dir'),
      expect.stringContaining('embedding_gpu.execution_location'),
      expect.stringContaining('embedding_gpu.venv_path'),
    ]);
  });

  test('the printed configuration loads again and gives the same', async () => {
    await cp(join(PACKAGE_ROOT, 'test/fixtures/upstream_conf'), folder, { recursive: true });
    const config = await load('dataset_config_example.yaml');
    await write({ 'printed.yaml': stringifyConfig(config) });
    expect(configDocument(await load('printed.yaml'))).toEqual(parse(stringifyConfig(config)));
  });
});
