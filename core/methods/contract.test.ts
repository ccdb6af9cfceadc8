import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAnnData } from '../anndata/open.js';
import type { AnnData } from '../anndata/types.js';
import { readSummary } from '../dataset/summary.js';
import type { ChunkScan } from '../dataset/types.js';
import { matrixBlocks, rowsFor } from '../embed/embedder-rows.js';
import type { Fit } from '../fits/types.js';
import { loadBundle } from '../inference/bundle/load.js';
import { QUIET } from '../tasks/types.js';
import { openTokenFile, type TokenFile } from '../tokenization/token-file.js';
import { tokenizeChunk } from '../tokenization/tokenize-chunk.js';
import { methods } from './registry.js';
import type { ChunkSummary, Embedder, EmbedInput, Json, Method, MethodSettings } from './types.js';

/** Options beside the defaults under which a method must keep the contract, too. */
const VARIANTS: Record<string, Record<string, Json>[]> = {
  hvg: [{ scope: 'chunk' }],
  pca: [{ model: 'pretrained' }, { model: 'pca-tiny' }],
};

const fixture = (name: string) => fileURLToPath(new URL(`../../test/fixtures/${name}`, import.meta.url));

/** A tiny bundle for every method that runs one. */
const BUNDLES: Record<string, string> = {
  scvi_fm: fixture('models/scvi-tiny'),
  pca: fixture('models/pca-tiny'),
  geneformer: fixture('models/geneformer-tiny'),
  'geneformer-v1': fixture('models/geneformer-v1-tiny'),
};

const PBMC = fixture('pbmc-24/chunk_0.zarr');

let chunk: AnnData;
let summary: ChunkSummary;
let genes: string[];
let folder: string;
const tokenFiles: TokenFile[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-contract-'));
  chunk = await openAnnData(PBMC);
  summary = await readSummary(chunk, 'train/chunk_0');
  genes = await chunk.names('var');
});
afterAll(async () => {
  await chunk.close();
  for (const tokens of tokenFiles) await tokens.close();
  await rm(folder, { recursive: true });
});

const available = [...methods.values()].filter((method) => !method.unavailable);
const unavailable = [...methods.values()].filter((method) => method.unavailable);

describe.each(unavailable.map((method) => [method.name, method] as const))('%s, unavailable', (_name, method) => {
  it('says why and what to do instead of failing later', async () => {
    expect(method.unavailable).toMatchObject({
      message: expect.stringContaining(method.name),
      remedy: expect.stringContaining('skip_unavailable'),
    });
    expect(method.problems(settingsOf(method, {}), summary)).toEqual([method.unavailable]);
    await expect(
      method.open({ settings: settingsOf(method, {}), chunk, scan: scanOf(), fit: null }),
    ).rejects.toMatchObject({
      type: 'MissingModel',
    });
  });

  it('has a dimension that configurations must agree with', () => {
    const dim = method.resolveDim(undefined, {});
    expect(method.resolveDim(dim, {})).toBe(dim);
    expect(() => method.resolveDim(dim + 1, {})).toThrow(expect.objectContaining({ type: 'InvalidConfig' }));
  });
});

const cases = available.flatMap((method) =>
  [{}, ...(VARIANTS[method.name] ?? [])].map(
    (options) => [`${method.name} ${JSON.stringify(options)}`, method, options] as const,
  ),
);

describe.each(cases)('%s', (_title, method, options) => {
  it('has a version, a positive dimension, and refuses unknown options', () => {
    const settings = settingsOf(method, options);
    expect(method.algorithmVersion).toBeGreaterThan(0);
    expect(Number.isInteger(settings.dim) && settings.dim > 0).toBe(true);
    expect(method.resolveDim(settings.dim, settings.options)).toBe(settings.dim);
    expect(method.options.safeParse({ ...options, no_such_option: 1 }).success).toBe(false);
  });

  it('reads only what the chunk has, and expression among it', () => {
    const known = [
      ...['X', 'obs/_index', 'var/_index'],
      ...summary.layers.map((name) => `layers/${name}`),
      ...summary.obsColumns.map((name) => `obs/${name}`),
      ...summary.varColumns.map((name) => `var/${name}`),
    ];
    const reads = method.reads(settingsOf(method, options), summary);
    expect(known).toEqual(expect.arrayContaining(reads));
    expect(reads.includes('X') || reads.includes('layers/counts')).toBe(true);
    expect(new Set(reads).size).toBe(reads.length);
  });

  it('finds problems in metadata: none in a good chunk, each with a remedy in a bad one', () => {
    expect(method.problems(settingsOf(method, options), summary)).toEqual([]);
    const problems = method.problems(settingsOf(method, options), { ...summary, hasX: false, layers: [] });
    expect(problems.length).toBeGreaterThan(0);
    for (const { message, remedy } of problems) {
      expect(message).toContain('train/chunk_0');
      expect(remedy).not.toBe('');
    }
  });

  it('finds a missing batch column where it reads batches', () => {
    const settings = { ...settingsOf(method, options), batchKey: 'batch' };
    if (!method.reads(settings, summary).includes('obs/batch')) return;
    const problems = method.problems(settings, { ...summary, obsColumns: [] });
    expect(problems.map(({ message }) => message).join()).toContain('batch');
  });

  it('describes itself in JSON, the same each time it is opened', async () => {
    const [first, second] = [await open(method, options), await open(method, options)];
    for (const description of [first.provenance, first.report]) {
      expect(JSON.parse(JSON.stringify(description))).toEqual(description);
    }
    expect(second.provenance).toEqual(first.provenance);
    await first.close?.();
    await second.close?.();
  });

  it('gives finite rows, the same bits whatever the blocks, their order and their neighbours', async () => {
    const whole = await embed(method, options, 24);
    expect(whole.every(Number.isFinite)).toBe(true);
    expect(whole.some((value) => value !== 0)).toBe(true);
    for (const blockRows of [1, 7]) expect(equalBits(await embed(method, options, blockRows), whole)).toBe(true);
    expect(equalBits(await embed(method, options, 5, 'backwards'), whole)).toBe(true);
  });
});

function settingsOf(method: Method, given: Record<string, Json>): MethodSettings {
  const options = method.options.parse(given);
  return { method: method.name, dim: method.resolveDim(undefined, options), options, batchKey: null, batchSize: 128 };
}

/** The same with the dimension of the method's tiny bundle, as planning demands it. */
async function runnableSettingsOf(method: Method, given: Record<string, Json>): Promise<MethodSettings> {
  const settings = settingsOf(method, given);
  return runsBundle(method, settings.options) ? { ...settings, dim: (await bundleOf(method)).dim } : settings;
}

const bundleOf = (method: Method) => loadBundle(BUNDLES[method.name]!);

const runsBundle = (method: Method, options: unknown): boolean => (method.bundle?.(options) ?? null) !== null;

const scanOf = (): ChunkScan => ({ ...summary, fingerprint: '', digests: {}, expression: 'X' });

/** A fit of the right form: the first genes, and for Gram rounds some mean and components. */
function fitOf(method: Method, settings: MethodSettings): Fit | null {
  const rounds = method.fitRounds(settings);
  if (rounds.length === 0) return null;
  const withComponents = rounds.includes('gram');
  const chosen = genes.slice(0, withComponents ? 2000 : settings.dim);
  const wave = (length: number) => Float64Array.from({ length }, (_, at) => Math.fround(Math.sin(at)));
  return {
    id: 'fit',
    method: method.name,
    algorithmVersion: method.algorithmVersion,
    parameters: {},
    genes: chosen,
    chunks: [{ name: 'train/chunk_0', digest: '' }],
    leftOut: [],
    arrays: withComponents
      ? {
          mean: wave(chosen.length),
          components: wave(settings.dim * chosen.length),
          explainedVariance: wave(settings.dim),
          explainedVarianceRatio: wave(settings.dim),
        }
      : {},
  };
}

async function open(method: Method, options: Record<string, Json>): Promise<Embedder> {
  const settings = await runnableSettingsOf(method, options);
  return method.open({
    settings,
    chunk,
    scan: scanOf(),
    fit: fitOf(method, settings),
    ...(await modelOf(method, settings.options)),
  });
}

async function modelOf(method: Method, options: unknown): Promise<Pick<EmbedInput, 'model' | 'tokens'>> {
  if (!runsBundle(method, options)) return {};
  const bundle = await bundleOf(method);
  const model = { bundle, device: 'cpu' as const };
  if (bundle.kind !== 'geneformer') return { model };
  const path = join(folder, `${method.name}.tokens`);
  await tokenizeChunk({ input: chunk, name: 'train/chunk_0', bundle, mapSymbols: false, path }, QUIET);
  const tokens = (await openTokenFile(path))!;
  tokenFiles.push(tokens);
  return { model, tokens };
}

async function embed(
  method: Method,
  options: Record<string, Json>,
  blockRows: number,
  order = 'forwards',
): Promise<Float32Array> {
  const { dim } = await runnableSettingsOf(method, options);
  const embedder = await open(method, options);
  // What is there beforehand must not matter.
  const out = new Float32Array(chunk.cells * dim).fill(Number.NaN);
  const blocks = matrixBlocks(embedder.source, chunk, scanOf());
  const calls: (() => void | Promise<void>)[] = [];
  for await (const stretch of rowsFor(embedder, blocks, { start: 0, end: chunk.cells })) {
    for (let row = 0; row < stretch.rows; row += blockRows) {
      const end = Math.min(stretch.rows, row + blockRows);
      const place = out.subarray((stretch.start + row) * dim, (stretch.start + end) * dim);
      calls.push(() => stretch.embed(row, end, place));
    }
  }
  for (const call of order === 'backwards' ? calls.reverse() : calls) await call();
  await embedder.close?.();
  return out;
}

const equalBits = (a: Float32Array, b: Float32Array): boolean => Buffer.from(a.buffer).equals(Buffer.from(b.buffer));
