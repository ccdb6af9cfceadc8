import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadBundle } from './load.js';

const VOCABULARY = {
  genes: ['ENSG00000000003', 'ENSG00000000005'],
  tokens: [4, 5],
  medians: [2, 0.5],
  aliases: { ENSG00000999999: 'ENSG00000000005' },
  special: { '<pad>': 0, '<mask>': 1, '<cls>': 2, '<eos>': 3 },
};
const DESCRIPTION = {
  format: 'obsmith-bundle',
  formatVersion: 1,
  id: 'test-geneformer',
  kind: 'geneformer',
  series: 'V2',
  dim: 8,
  pooling: 'cls',
  hiddenStateIndex: 1,
  maxLength: 16,
  vocabularySize: 6,
  tokenizer: { targetSum: 10000, specialToken: true, inputSize: 16, tieBreak: 'stable' },
  batching: 'any',
  precision: 'fp32',
  licence: 'none',
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-bundle-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Writes a bundle whose sums are right. */
async function write(description: object, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  const sha256: Record<string, string> = {};
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, name), content);
    sha256[name] = createHash('sha256').update(content).digest('hex');
  }
  await writeFile(join(folder, 'bundle.json'), JSON.stringify({ sha256, ...description }));
}

const geneformer = (changes: object = {}, vocabulary: object = {}) =>
  write(
    { ...DESCRIPTION, ...changes },
    { 'model.onnx': 'graph', 'vocab.json': JSON.stringify({ ...VOCABULARY, ...vocabulary }) },
  );

const refused = (message: RegExp) =>
  expect(loadBundle(folder)).rejects.toMatchObject({
    type: 'MissingModel',
    retryable: false,
    message: expect.stringMatching(message),
    remedy: expect.stringContaining('Export'),
  });

test('a geneformer bundle gives its settings, vocabulary and digests', async () => {
  await geneformer();
  const text = await readFile(join(folder, 'bundle.json'));
  expect(await loadBundle(folder)).toMatchObject({
    id: 'test-geneformer',
    kind: 'geneformer',
    dim: 8,
    folder,
    sha256: createHash('sha256').update(text).digest('hex'),
    vocabulary: { ...VOCABULARY, unmapped: [] },
    equalLengthGraph: null,
    source: null,
  });
});

test('a scvi bundle gives its genes; a gene named twice is refused', async () => {
  const scvi = {
    format: 'obsmith-bundle',
    formatVersion: 1,
    id: 's',
    kind: 'scvi',
    dim: 5,
    batching: 'any',
    precision: 'fp32',
    licence: '',
  };
  await write(scvi, { 'model.onnx': 'graph', 'genes.json': '["ENSG1","ENSG2"]' });
  expect(await loadBundle(folder)).toMatchObject({ kind: 'scvi', dim: 5, genes: ['ENSG1', 'ENSG2'] });
  await write(scvi, { 'model.onnx': 'graph', 'genes.json': '["ENSG1","ENSG1"]' });
  await refused(/genes.json names a gene twice/);
});

describe('a bundle of pca', () => {
  const numbers = (...values: number[]) => Buffer.from(Float64Array.from(values).buffer);
  const pca = (changes: object = {}, files: Readonly<Record<string, string | Buffer>> = {}) =>
    write(
      {
        ...{ format: 'obsmith-bundle', formatVersion: 1, id: 'p', kind: 'pca', dim: 2 },
        ...{ matchBy: 'ensembl-id', precision: 'fp64', licence: '', ...changes },
      },
      {
        'components.f64': numbers(1, 2, 3, 4),
        'pca_mean.f64': numbers(5, 6),
        'genes.json': '["ENSG00000000003","ENSG00000000005"]',
        ...files,
      },
    );

  test('gives its genes and arrays; without a scaler nothing is scaled', async () => {
    await pca();
    const shipped = { components: Float64Array.of(1, 2, 3, 4), pcaMean: Float64Array.of(5, 6) };
    const genes = ['ENSG00000000003', 'ENSG00000000005'];
    const idle = { scalerMean: Float64Array.of(0, 0), scalerScale: Float64Array.of(1, 1) };
    expect(await loadBundle(folder)).toMatchObject({
      kind: 'pca',
      dim: 2,
      genes,
      weightBytes: 48,
      ...shipped,
      ...idle,
    });
    await pca({}, { 'scaler_mean.f64': numbers(7, 8), 'scaler_scale.f64': numbers(9, 10) });
    const scaler = { scalerMean: Float64Array.of(7, 8), scalerScale: Float64Array.of(9, 10) };
    expect(await loadBundle(folder)).toMatchObject(scaler);
  });

  test.each([
    ['another dimension', { dim: 3 }, {}, /components.f64 has 32 bytes, but 3 components x 2 genes of float64 are 48/],
    ['a short array', {}, { 'pca_mean.f64': numbers(1) }, /pca_mean.f64 has 8 bytes, but 2 genes of float64 are 16/],
    ['no number', {}, { 'pca_mean.f64': numbers(1, Number.NaN) }, /pca_mean.f64 has NaN at position 1/],
    ['a scale of 0', {}, { 'scaler_scale.f64': numbers(1, 0) }, /has 0 for ENSG00000000005; above 0/],
    ['a gene twice', { matchBy: 'name' }, { 'genes.json': '["a","a"]' }, /genes.json names a gene twice/],
    ['versions of ids', {}, { 'genes.json': '["ENSG00000000003.1","ENSG00000000005"]' }, /"ENSG00000000003.1", which/],
    ['unlisted arrays', { sha256: {} }, {}, /no sha256 sum of components.f64; .*pca_mean.f64; .*genes.json/],
    ['another precision', { precision: 'fp32' }, {}, /bundle.json, precision/],
  ])('is refused with %s', async (_what, changes, files, message) => {
    await pca(changes, files);
    await refused(message);
  });

  test('is refused with one flipped byte', async () => {
    await pca();
    await writeFile(join(folder, 'components.f64'), numbers(1, 2, 3, 4.0000001));
    await refused(/components.f64 was changed: expected sha256/);
  });
});

test('one flipped byte, or an absent file, is named with the sums', async () => {
  await geneformer();
  await writeFile(join(folder, 'model.onnx'), 'grapi');
  await rm(join(folder, 'vocab.json'));
  await refused(/model.onnx was changed: expected sha256 [0-9a-f]{64}, found [0-9a-f]{64}; vocab.json is not there/);
});

test('what is needed must be listed: graphs and vocabulary', async () => {
  await geneformer({ sha256: {}, equalLengthGraph: 'fast.onnx' });
  await refused(/no sha256 sum of model.onnx; .*vocab.json; .*fast.onnx/);
});

test('files outside of the folder are refused', async () => {
  await geneformer({ sha256: { '../model.onnx': 'a'.repeat(64) } });
  await refused(/bundle.json, sha256/);
});

test('a folder without bundle.json, no JSON, and wrong fields are told apart', async () => {
  await refused(/bundle.json is not there/);
  await writeFile(join(folder, 'bundle.json'), '{');
  await refused(/bundle.json is no JSON/);
  await geneformer({ dim: 0, precision: 'fp64' });
  await refused(/bundle.json, dim: .*bundle.json, precision: /);
});

test.each([
  ['a token beyond the model', {}, { tokens: [4, 6] }, /token 6, but the model knows 6 tokens/],
  ['lists of unequal length', {}, { medians: [1] }, /2 genes, 2 tokens and 1 medians/],
  ['a gene twice', {}, { genes: ['ENSG00000000003', 'ENSG00000000003'], aliases: {} }, /names 1 genes twice/],
  ['a token twice', {}, { tokens: [4, 3] }, /one token to several/],
  ['a median of 0', {}, { medians: [1, 0] }, /vocab.json, medians.1/],
  ['an alias of an unknown gene', {}, { aliases: { A: 'B' } }, /alias A stands for B/],
  ['an unmapped gene that is unknown', {}, { unmapped: ['B'] }, /unmapped names B/],
  ['special tokens that the tokenizer needs', {}, { special: { '<pad>': 0 } }, /<cls>; .*<eos>/],
  ['more tokens than positions', { maxLength: 15 }, {}, /inputSize is 16, but the model has 15/],
])('a vocabulary that does not match the model is refused: %s', async (_what, changes, vocabulary, message) => {
  await geneformer(changes, vocabulary);
  await refused(message);
});
