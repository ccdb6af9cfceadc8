import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ObsmithError } from '../errors.js';
import { type LoadOptions, loadConfig } from './load.js';

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'obsmith-config-')));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text);
  }
}

const load = (name = 'a.yaml', options: LoadOptions = {}) =>
  loadConfig(name, { env: { BASE_FILE_PATH: folder }, cwd: folder, ...options });

async function problemsOf(text: string, options: LoadOptions = {}): Promise<string[]> {
  await write({ 'a.yaml': text });
  const error = (await load('a.yaml', options).then(
    () => expect.fail('the configuration was accepted'),
    (thrown: unknown) => thrown,
  )) as ObsmithError;
  expect(error.type).toBe('InvalidConfig');
  for (const problem of error.problems) expect(problem.remedy).not.toBe('');
  return error.problems.map(({ where, line, message }) => `${[where, line].filter(Boolean).join(':')} ${message}`);
}

const MINIMAL = 'dataset: { name: pbmc }\nembedding_cpu: { methods: [gs] }\n';

describe('what is refused', () => {
  test('everything at once, each with its file and line', async () => {
    await write({ 'site.yaml': 'max_open_chunks: 0\nembedding_cpu:\n  chunk_rows: 1.5\n' });
    const problems = await problemsOf(
      [
        'defaults: [site.yaml, _self_]',
        'dataset:',
        '  name: ../x',
        '  nam: y',
        'base_file_path: /nope',
        'batch_ky: a',
        'split_dataset: "yes"',
        'embedding_cpu:',
        '  methods: [gs, gs10, gs]',
        '  batch_size: 0',
        '  chunk_row: 5',
        '  output_format: h5ad',
        '  embedding_dim_map: { gs: 100, nix: 3 }',
        'embedding_gpu:',
        '  methods: gs',
        '  output_dir: ../out',
        'preprocessing:',
        '  train_split: 1.5',
        'on_stale: kep',
      ].join('\n'),
    );
    const expected = [
      'site.yaml:1 max_open_chunks: expected a whole number of at least 1, found 0',
      'site.yaml:3 embedding_cpu.chunk_rows: expected a whole number of at least 1, found 1.5',
      'a.yaml:3 dataset.name: expected a name (text without / \\ or a leading dot), found "../x"',
      'a.yaml:4 dataset.nam: unknown key',
      'a.yaml:5 base_file_path: Base folder not found: /nope',
      'a.yaml:6 batch_ky: unknown key',
      'a.yaml:7 split_dataset: expected true or false, found "yes"',
      'a.yaml:9 embedding_cpu.methods[1]: unknown method "gs10"',
      'a.yaml:9 embedding_cpu.methods[2]: method "gs" is listed twice',
      'a.yaml:10 embedding_cpu.batch_size: expected a whole number of at least 1, found 0',
      'a.yaml:11 embedding_cpu.chunk_row: unknown key',
      'a.yaml:12 embedding_cpu.output_format: expected zarr (outputs are always zarr stores), found "h5ad"',
      'a.yaml:13 embedding_cpu.embedding_dim_map.gs: ',
      'a.yaml:13 embedding_cpu.embedding_dim_map.nix: unknown method "nix"',
      'a.yaml:15 embedding_gpu.methods: expected a list of texts, found "gs"',
      'a.yaml:16 embedding_gpu.output_dir: "../out" lies outside of the base folder /nope',
      'a.yaml:18 preprocessing.train_split: expected a number between 0 and 1 (both excluded), or null, found 1.5',
      'a.yaml:19 on_stale: expected one of recompute, keep, fail, found "kep"',
    ];
    for (const text of expected) expect(problems).toContainEqual(expect.stringContaining(text));
    expect(problems).toHaveLength(expected.length);
  });

  test.each([
    ['no section', 'dataset: { name: a }', ['a.yaml No embedding configuration found']],
    [
      'a section without methods',
      'dataset: { name: a }\nembedding_cpu: {}',
      ['a.yaml:2 embedding_cpu.methods: No embedding configuration found: no section names a method'],
    ],
    ['a section that is null', 'dataset: { name: a }\nembedding_cpu:', ['a.yaml No embedding configuration found']],
    [
      'a section that is no mapping',
      'dataset: { name: a }\nembedding_cpu: hvg',
      ['a.yaml:2 embedding_cpu: expected a mapping of keys, found "hvg"'],
    ],
    [
      'a misspelled section',
      'dataset: { name: a }\nembeding_cpu: { methods: [gs] }',
      ['a.yaml:2 embeding_cpu: unknown key', 'a.yaml No embedding configuration found'],
    ],
    [
      'no name',
      'embedding_cpu: { methods: [gs] }',
      ['a.yaml dataset.name: expected a name (text without / \\ or a leading dot), found null'],
    ],
    [
      'a list where a scalar stands',
      `${MINIMAL}embedding_gpu: { batch_size: [1, 2] }`,
      ['a.yaml:3 embedding_gpu.batch_size: expected a whole number of at least 1, found [1,2]'],
    ],
    [
      'one method in two queues',
      `${MINIMAL}embedding_gpu:\n  methods:\n    - gs10k\n    - gs`,
      [
        'a.yaml:6 embedding_gpu.methods[1]: method "gs" also stands in embedding_cpu.methods; its section decides its queue',
      ],
    ],
    [
      'sections that disagree',
      `${MINIMAL}embedding_gpu: { input_format: h5ad, output_dir: x }\nembedding_preparation: { input_format: zarr, output_dir: y }`,
      [
        'a.yaml:3 embedding_gpu.output_dir: "x" disagrees with embedding_preparation.output_dir: "y"',
        'a.yaml:3 embedding_gpu.input_format: "h5ad" disagrees with embedding_preparation.input_format: "zarr"',
      ],
    ],
    [
      'batch keys that disagree',
      `${MINIMAL}batch_key: a\nembedding_gpu: { batch_key: b }`,
      ['a.yaml:4 embedding_gpu.batch_key: "b" disagrees with batch_key: "a"'],
    ],
    [
      'inputs inside the outputs',
      `${MINIMAL}preprocessing: { output_dir: out/in }\nembedding_gpu: { output_dir: out }`,
      ['a.yaml:4 embedding_gpu.output_dir: inputs (out/in) and outputs (out) must not lie inside one another'],
    ],
    [
      'outputs among run data',
      `${MINIMAL}embedding_gpu: { output_dir: .obsmith/x }`,
      ['a.yaml:3 embedding_gpu.output_dir: .obsmith/x lies in the folder of run data, .obsmith'],
    ],
    ['an unknown split', `${MINIMAL}fit_splits: [train, vall]`, ['a.yaml:3 fit_splits: unknown split "vall"']],
    [
      'an unknown reference',
      `${MINIMAL}batch_key: \${datset.name}`,
      [`a.yaml:3 batch_key: \${datset.name} refers to an unknown key`],
    ],
    [
      'references in a circle',
      `${MINIMAL}batch_key: \${caption_key}\ncaption_key: \${batch_key}`,
      [`a.yaml:3 batch_key: \${caption_key} refers to itself (caption_key -> batch_key -> caption_key)`],
    ],
    [
      'a reference to what it lies in',
      `${MINIMAL}download:\n  foo: \${download}`,
      [`a.yaml:4 download.foo: \${download} refers to itself (download)`],
    ],
    ['no YAML', 'dataset: {name: a}\nembedding_cpu: [', [expect.stringMatching(/^a\.yaml:2 Flow sequence/)]],
    ['a key twice', `${MINIMAL}dataset: { name: b }`, ['a.yaml:3 Map keys must be unique']],
    [
      'a file of another kind, of which the beginning is shown',
      'x'.repeat(10_000),
      [`a.yaml:1 expected a mapping of keys, found "${'x'.repeat(79)}...`],
    ],
    ['a list of keys', '- a', ['a.yaml:1 expected a mapping of keys, found a list']],
    [
      'a missing defaults file',
      `defaults:\n  - _self_\n  - sit.yaml\n${MINIMAL}`,
      [expect.stringMatching(/^a\.yaml:3 defaults: file not found: "sit\.yaml" \(looked in /)],
    ],
    [
      'defaults that include themselves',
      `defaults: [a.yaml]\n${MINIMAL}`,
      ['a.yaml:1 defaults: "a.yaml" is a cycle: a.yaml -> a.yaml'],
    ],
    [
      'defaults that are no list',
      `defaults: a.yaml\n${MINIMAL}`,
      ['a.yaml:1 defaults: expected a list of files, found "a.yaml"'],
    ],
    [
      'a group in defaults',
      `defaults: [{ db: mysql }]\n${MINIMAL}`,
      ['a.yaml:1 defaults: expected a file name or _self_, found {"db":"mysql"}'],
    ],
  ] as const)('%s', async (_what, text, expected) => {
    expect(await problemsOf(text)).toEqual(expected);
  });

  test('no base folder', async () => {
    expect(await problemsOf(MINIMAL, { env: {} })).toEqual(['a.yaml base_file_path: no base folder is set']);
  });

  test('overrides of unknown keys and of the wrong type are named as such', async () => {
    const set = { 'embedding_cpu.bach_size': 1, 'embedding_cpu.methods': 'gs' };
    expect(await problemsOf(MINIMAL, { set })).toEqual([
      '--set embedding_cpu.methods embedding_cpu.methods: expected a list of texts, found "gs"',
      '--set embedding_cpu.bach_size embedding_cpu.bach_size: unknown key',
    ]);
  });

  test('remedies say what to write', async () => {
    await write({
      'a.yaml': `${MINIMAL}embeding_gpu: {}\nembedding_gpu: { methods: gs10k, batch_size: "64", output_format: h5ad }\n`,
    });
    const error = (await load().catch((thrown: unknown) => thrown)) as ObsmithError;
    expect(error.problems.map((problem) => problem.remedy)).toEqual([
      'Did you mean "embedding_gpu"?',
      'Write a list: methods: [gs10k]',
      'Write the number without quotes: batch_size: 64',
      expect.stringContaining('write_h5ad'),
    ]);
  });

  test('a file that is not there', async () => {
    await expect(load('absent.yaml')).rejects.toMatchObject({
      type: 'InvalidConfig',
      message: 'Configuration file not found: absent.yaml',
    });
    await expect(load('.')).rejects.toMatchObject({
      type: 'InvalidConfig',
      message: expect.stringContaining('is a folder'),
    });
  });
});
