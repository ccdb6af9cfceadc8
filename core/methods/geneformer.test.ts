import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openAnnData } from '../anndata/open.js';
import type { AnnData } from '../anndata/types.js';
import { readSummary } from '../dataset/summary.js';
import { loadBundle } from '../inference/bundle/load.js';
import type { GeneformerBundle } from '../inference/bundle/types.js';
import { openSession } from '../inference/session.js';
import { tokenModel } from '../inference/token-model.js';
import { QUIET } from '../tasks/types.js';
import { createTokenFile, openTokenFile, type TokenFile } from '../tokenization/token-file.js';
import { tokenizeChunk } from '../tokenization/tokenize-chunk.js';
import { geneformer, geneformerV1 } from './geneformer.js';
import type { PreparedEmbedder } from './types.js';

const fixture = (path: string) => fileURLToPath(new URL(`../../test/fixtures/${path}`, import.meta.url));

/** A cell as the genuine tokenizer and PyTorch see it. */
interface ReferenceCell {
  readonly tokens: readonly number[];
  readonly cls: readonly number[];
  readonly mean: readonly number[];
}

let chunk: AnnData;
let folder: string;
let opened: TokenFile[];
beforeAll(async () => {
  chunk = await openAnnData(fixture('pbmc-24/chunk_0.zarr'));
});
afterAll(() => chunk.close());
beforeEach(async () => {
  opened = [];
  folder = await mkdtemp(join(tmpdir(), 'obsmith-geneformer-'));
});
afterEach(async () => {
  for (const tokens of opened) await tokens.close();
  await rm(folder, { recursive: true });
});

const bundleOf = async (name: string) => (await loadBundle(fixture(`models/${name}`))) as GeneformerBundle;

async function referenceOf(name: string): Promise<ReferenceCell[]> {
  return JSON.parse(gunzipSync(await readFile(fixture(`models/${name}_pbmc-24.json.gz`))).toString());
}

async function tokenize(bundle: GeneformerBundle): Promise<TokenFile> {
  const path = join(folder, 'pbmc.tokens');
  await tokenizeChunk({ input: chunk, name: 'train/chunk_0', bundle, mapSymbols: false, path }, QUIET);
  return openTokens(path);
}

async function openTokens(path: string): Promise<TokenFile> {
  const tokens = (await openTokenFile(path))!;
  opened.push(tokens);
  return tokens;
}

/** A token file with these cells. */
async function tokensOf(cells: readonly (readonly number[])[]): Promise<TokenFile> {
  const path = join(folder, 'cells.tokens');
  const writer = await createTokenFile(path, cells.length);
  await writer.write(
    Uint16Array.from(cells.flat()),
    Uint32Array.from(cells, ({ length }) => length),
  );
  await writer.commit({});
  return openTokens(path);
}

async function open(method: typeof geneformer, bundle: GeneformerBundle, tokens: TokenFile, batchSize = 128) {
  const summary = await readSummary(chunk, 'train/chunk_0');
  const embedder = await method.open({
    settings: {
      ...{ method: method.name, dim: bundle.dim, options: method.options.parse({}), batchKey: null },
      batchSize,
    },
    chunk,
    scan: { ...summary, fingerprint: '', digests: {}, expression: null },
    fit: null,
    model: { bundle, device: 'cpu' },
    tokens,
  });
  return embedder as PreparedEmbedder;
}

function largestDifference(found: Float32Array, expected: readonly number[]): number {
  expect(found).toHaveLength(expected.length);
  return expected.reduce((most, value, at) => Math.max(most, Math.abs(value - found[at]!)), 0);
}

const CASES = [
  ['geneformer', geneformer, 'geneformer-tiny', 'cls'],
  ['geneformer-v1', geneformerV1, 'geneformer-v1-tiny', 'mean'],
] as const;

describe.each(CASES)('%s', (name, method, model, pooling) => {
  it('gives what PyTorch gives for every cell', async () => {
    const bundle = await bundleOf(model);
    const expected = (await referenceOf(model)).flatMap((cell) => cell[pooling]);
    const embedder = await open(method, bundle, await tokenize(bundle));
    const out = new Float32Array(24 * bundle.dim);
    await embedder.embedRows(0, 24, out);
    expect(largestDifference(out, expected)).toBeLessThan(1e-5);
    expect(embedder.provenance).toEqual({ vocabularySha256: bundle.vocabularySha256, zeroRows: [] });
    expect(embedder.report).toMatchObject({ cells: 24, emptyCells: 0, knownShare: expect.any(Number) });
  });

  it('gives the same bytes for every batch size on the CPU', async () => {
    const bundle = await bundleOf(model);
    const tokens = await tokenize(bundle);
    const whole = new Float32Array(24 * bundle.dim);
    await (await open(method, bundle, tokens, 1)).embedRows(0, 24, whole);
    const parts = new Float32Array(24 * bundle.dim);
    const embedder = await open(method, bundle, tokens, 64);
    for (const [start, end] of [
      [5, 24],
      [0, 5],
    ] as const) {
      await embedder.embedRows(start, end, parts.subarray(start * bundle.dim, end * bundle.dim));
    }
    expect(parts).toEqual(whole);
  });

  it('gives the rows of cells side by side, padded, as those of cells alone', async () => {
    const bundle = await bundleOf(model);
    const cells = await (await tokenize(bundle)).rows(0, 24);
    const graph = { path: join(bundle.folder, bundle.graph), sha256: bundle.files[bundle.graph]! };
    const side = tokenModel(await openSession(graph, 'cpu'), bundle, { cells: 7, places: 2000, equalLengths: false });
    const out = new Float32Array(24 * bundle.dim);
    await side.embed(cells, out);
    const expected = (await referenceOf(model)).flatMap((cell) => cell[pooling]);
    expect(largestDifference(out, expected)).toBeLessThan(1e-5);
  });

  it('leaves rows of cells without tokens zero, and says which they are', async () => {
    const bundle = await bundleOf(model);
    const [first, second] = (await referenceOf(model)).map(({ tokens }) => tokens);
    const embedder = await open(method, bundle, await tokensOf([[], first!, [], [], second!]));
    const out = new Float32Array(5 * bundle.dim);
    await embedder.embedRows(0, 5, out);
    const isZero = (row: number) =>
      out.subarray(row * bundle.dim, (row + 1) * bundle.dim).every((value) => value === 0);
    expect([0, 1, 2, 3, 4].filter(isZero)).toEqual([0, 2, 3]);
    expect(embedder.provenance.zeroRows).toEqual([
      [0, 1],
      [2, 4],
    ]);
  });

  it('refuses a bundle whose graph gives other dimensions than it says', async () => {
    const bundle = { ...(await bundleOf(model)), dim: 33 };
    await expect(open(method, bundle, await tokensOf([[5, 6]]))).rejects.toMatchObject({
      type: 'MissingModel',
      message: expect.stringMatching(/gives (24|32) dimensions as (cls|mean), but bundle.json says 33/),
    });
  });

  it('takes its name for the default bundle, and the dimension that configurations know', () => {
    expect(method.options.parse({})).toEqual({ model: name, map_symbols: true });
    expect(method.resolveDim(undefined, method.options.parse({}))).toBe(name === 'geneformer' ? 768 : 512);
  });
});

it('cells of equal length only stand side by side in a graph that ignores its mask', async () => {
  const bundle = await bundleOf('geneformer-tiny');
  const name = bundle.equalLengthGraph!;
  const session = await openSession({ path: join(bundle.folder, name), sha256: bundle.files[name]! }, 'cpu');
  const reference = await referenceOf('geneformer-tiny');
  const cells = [0, 1, 2, 1, 0].map((cell) => Uint16Array.from(reference[cell]!.tokens));
  const model = tokenModel(session, bundle, { cells: 8, places: 100_000, equalLengths: true });
  const out = new Float32Array(5 * bundle.dim);
  await model.embed(cells, out);
  expect(
    largestDifference(
      out,
      [0, 1, 2, 1, 0].flatMap((cell) => reference[cell]!.cls),
    ),
  ).toBeLessThan(1e-5);
});
