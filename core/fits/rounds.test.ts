import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openAnnData } from '../anndata/open.js';
import { fitFolder, planFolder, roundFolder } from '../dataset/layout.js';
import { readScan, scanChunk } from '../dataset/scan.js';
import { expressionBlocks } from '../methods/expression.js';
import { findMethod } from '../methods/registry.js';
import type { Json, MatrixEmbedder } from '../methods/types.js';
import type { LoadedPlan } from '../plan/load-plan.js';
import { shardName } from '../plan/load-plan.js';
import type { Plan, PlannedChunk, PlannedMethod } from '../plan/types.js';
import { QUIET } from '../tasks/types.js';
import { accumulateRound } from './accumulate-round.js';
import { cellBatches } from './cell-batches.js';
import { fitExists, loadFit } from './fit-store.js';
import { accumulateGeneStatistics } from './gene-statistics.js';
import { chooseOverBatches } from './highly-variable.js';
import { mergeRound } from './merge-round.js';
import { mergeTasks } from './merge-tree.js';
import { readResolvedFits, resolveFits } from './resolve-fits.js';
import type { RoundTask } from './round-files.js';
import { solveRound } from './solve-round.js';
import {
  addStatistics,
  openStatistics,
  type StatisticsReader,
  writeAdded,
  writeStatistics,
} from './statistics-partial.js';
import type { FitRound } from './types.js';

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

interface Expected {
  readonly cells: number;
  readonly sharedGenes: number;
  readonly hvg512: string[];
  readonly hvg2000: string[];
  readonly hvg512Batches: string[];
  readonly explainedVariance: number[];
  readonly explainedVarianceRatio: number[];
}

let expected: Expected;
let scores: Float32Array;
beforeAll(async () => {
  expected = JSON.parse(await readFile(path('test/fixtures/hvg-pca/pbmc.json'), 'utf8')) as Expected;
  const bytes = await readFile(path('test/fixtures/hvg-pca/pbmc_scores.f32'));
  scores = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
});

const bases: string[] = [];
afterEach(async () => {
  for (const base of bases.splice(0)) await rm(base, { recursive: true, force: true });
});

function planned(name: string, options: Json = {}, dim?: number): PlannedMethod {
  const method = findMethod(name);
  const parsed = method.options.parse(options);
  const settings = {
    method: name,
    dim: method.resolveDim(dim, parsed),
    options: parsed as Json,
    batchKey: null,
    batchSize: 128,
  };
  const { algorithmVersion, sparseOutput, source } = method;
  return {
    ...settings,
    queue: 'cpu',
    algorithmVersion,
    chunkRows: 16_384,
    overwrite: false,
    fitRounds: method.fitRounds(settings),
    sparseOutput,
    source,
  };
}

/** A base folder that holds the two PBMC files as chunks, and a plan for some methods on them. */
async function pbmcPlan(methods: readonly PlannedMethod[]): Promise<LoadedPlan> {
  const base = await mkdtemp(join(tmpdir(), 'obsmith-rounds-'));
  bases.push(base);
  const sources = ['pbmc_10k_protein_v3.h5ad', 'pbmc_5k_protein_v3.h5ad'];
  const chunks: PlannedChunk[] = [];
  for (const [index, source] of sources.entries()) {
    const input = `processed/test/pbmc/all/chunk_${index}.h5ad`;
    await mkdir(dirname(join(base, input)), { recursive: true });
    await cp(path(`resources/demo/${source}`), join(base, input));
    const name = `all/chunk_${index}`;
    const reads = ['X', 'var/_index', 'obs/_index'];
    await scanChunk({ base, dataset: 'pbmc', chunk: { name, input }, elements: reads }, QUIET);
    const output = `processed_with_emb/test/pbmc/all/chunk_${index}.zarr`;
    chunks.push({
      index,
      order: index,
      name,
      split: 'all',
      stem: `chunk_${index}`,
      input,
      output,
      cells: 200,
      genes: 0,
      bytes: 0,
      outputFormat: 'zarr-v2' as const,
      unreadable: null,
      reads,
      refused: {},
    });
  }
  const plan = {
    id: crypto.randomUUID(),
    dataset: 'pbmc',
    methods,
    fitChunks: [0, 1],
    datasetChunkCount: 2,
    maxFailedChunks: 0,
  } as unknown as Plan;
  await mkdir(join(base, planFolder(plan.id)), { recursive: true });
  await writeFile(join(base, planFolder(plan.id), shardName(0)), JSON.stringify(chunks));
  return { base, plan };
}

async function task(loaded: LoadedPlan, round: FitRound, method: PlannedMethod): Promise<RoundTask> {
  return { loaded, round, method, resolved: await readResolvedFits(loaded.base, loaded.plan.id) };
}

/** Does what the workflow does: every needed round, its chunks in the given order. */
async function fit(loaded: LoadedPlan, order: readonly number[]): Promise<void> {
  const byName = (name: string) => loaded.plan.methods.find(({ method }) => method === name)!;
  for (const { round, methods, chunks } of (await resolveFits(loaded)).rounds) {
    const shared = await task(loaded, round, byName(methods[0]!));
    for (const position of order) await accumulateRound({ ...shared, position }, QUIET);
    for (const [level, merges] of mergeTasks(chunks).entries()) {
      for (let index = 0; index < merges; index++) await mergeRound({ ...shared, level: level + 1, index }, QUIET);
    }
    for (const name of methods) await solveRound(await task(loaded, round, byName(name)), QUIET);
  }
}

async function fitted(loaded: LoadedPlan, method: string) {
  const { fits } = await readResolvedFits(loaded.base, loaded.plan.id);
  return loadFit(loaded.base, fits[method]!);
}

/** The method's rows of both chunks. */
async function embedded(loaded: LoadedPlan, planned: PlannedMethod): Promise<Float32Array> {
  const out = new Float32Array(400 * planned.dim);
  for (const index of [0, 1]) {
    const chunk = await openAnnData(join(loaded.base, `processed/test/pbmc/all/chunk_${index}.h5ad`));
    try {
      const scan = (await readScan(loaded.base, 'pbmc', `all/chunk_${index}`))!;
      const fit = await fitted(loaded, planned.method);
      const embedder = (await findMethod(planned.method).open({
        settings: planned,
        chunk,
        scan,
        fit,
      })) as MatrixEmbedder;
      for await (const block of expressionBlocks(chunk, scan)) {
        const start = (index * 200 + block.start) * planned.dim;
        await embedder.embed(block, out.subarray(start, start + block.rows * planned.dim));
      }
    } finally {
      await chunk.close();
    }
  }
  return out;
}

describe('fits over two PBMC chunks', () => {
  it('equal scanpy and float64 numpy on the concatenation', async () => {
    const [hvg, pca] = [planned('hvg'), planned('pca')];
    const loaded = await pbmcPlan([hvg, pca]);
    const { rounds } = await resolveFits(loaded);
    expect(rounds).toEqual([
      { round: 'gene-statistics', methods: ['hvg', 'pca'], chunks: 2, accumulated: false },
      { round: 'gram', methods: ['pca'], chunks: 2, accumulated: false },
    ]);
    await fit(loaded, [0, 1]);
    const chosen = await fitted(loaded, 'hvg');
    expect(chosen.genes).toEqual(expected.hvg512);
    expect(chosen.chunks.map(({ name }) => name)).toEqual(['all/chunk_0', 'all/chunk_1']);

    const components = await fitted(loaded, 'pca');
    expect(components.genes).toEqual(expected.hvg2000);
    const { explainedVariance, explainedVarianceRatio } = components.arrays;
    expected.explainedVariance.forEach((value, at) => {
      expect(Math.abs(explainedVariance![at]! / value - 1)).toBeLessThan(1e-6);
    });
    expected.explainedVarianceRatio.forEach((value, at) => {
      expect(Math.abs(explainedVarianceRatio![at]! / value - 1)).toBeLessThan(1e-6);
    });
    const found = await embedded(loaded, pca);
    let largest = 0;
    scores.forEach((score, at) => {
      largest = Math.max(largest, Math.abs(found[at]! - score));
    });
    expect(found.length).toBe(scores.length);
    expect(largest).toBeLessThan(1e-4);

    const columns = await embedded(loaded, hvg);
    expect(columns.some((value) => value > 0)).toBe(true);
    expect((await resolveFits(loaded)).rounds).toEqual([]);
    const { rounds: keys } = await readResolvedFits(loaded.base, loaded.plan.id);
    for (const key of [keys.hvg!['gene-statistics']!, keys.pca!.gram!]) {
      await expect(readdir(join(loaded.base, roundFolder(key)))).rejects.toMatchObject({ code: 'ENOENT' });
    }
  });

  it('have the same bytes whatever the order of chunks and repetitions of tasks', async () => {
    const methods = [planned('hvg', {}, 30), planned('pca', { n_top_genes: 60 }, 5)];
    const [first, second] = [await pbmcPlan(methods), await pbmcPlan(methods)];
    await fit(first, [0, 1]);
    await fit(second, [1, 0, 1]);
    const { fits } = await readResolvedFits(first.base, first.plan.id);
    expect((await readResolvedFits(second.base, second.plan.id)).fits).toEqual(fits);
    for (const id of Object.values(fits)) {
      const files = (await readdir(join(first.base, fitFolder(id)))).sort();
      expect(files).toContain('fit.json');
      for (const file of files) {
        const [a, b] = await Promise.all([first, second].map(({ base }) => readFile(join(base, fitFolder(id), file))));
        expect(a!.equals(b!)).toBe(true);
      }
    }
  });

  it('repeat tasks without harm once their inputs are gone', async () => {
    const hvg = planned('hvg', {}, 20);
    const loaded = await pbmcPlan([hvg]);
    await resolveFits(loaded);
    const round = await task(loaded, 'gene-statistics', hvg);
    for (const position of [0, 1]) await accumulateRound({ ...round, position }, QUIET);
    const folder = join(loaded.base, roundFolder(round.resolved.rounds.hvg!['gene-statistics']!));
    expect(await accumulateRound({ ...round, position: 1 }, QUIET)).toEqual({ cells: 200 });
    expect((await readdir(join(folder, 'level-0'))).sort()).toEqual(['0.sums', '1.sums']);
    expect(await solveRound(round, QUIET)).toEqual({ genes: 20 });
    expect(await solveRound(round, QUIET)).toEqual({ genes: 20 });
    expect(await accumulateRound({ ...round, position: 0 }, QUIET)).toEqual({ cells: 200 });
    await mergeRound({ ...round, level: 1, index: 0 }, QUIET);
    await expect(readdir(folder)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await fitExists(loaded.base, round.resolved.fits.hvg!)).toBe(true);
  });

  it('refuse more dimensions than the data give, with the message that users search for', async () => {
    const hvg = planned('hvg', {}, 20_000);
    const loaded = await pbmcPlan([hvg]);
    await expect(fit(loaded, [0, 1])).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(
        /^Selected less highly variable genes than requested\. Requested 20000, selected \d+\. Full data contains \d+ genes\.$/,
      ),
    });
    const pca = planned('pca', { n_top_genes: 30 }, 50);
    const other = await pbmcPlan([pca]);
    await expect(fit(other, [0, 1])).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('50 dimensions'),
    });
  });

  it('refuse a fitted chunk without the batch column, naming both', async () => {
    const loaded = await pbmcPlan([{ ...planned('hvg'), batchKey: 'donor' }]);
    await expect(resolveFits(loaded)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(/all\/chunk_0.*obs\/donor/),
    });
  });
});

describe('batches that span both chunks', () => {
  it('give the genes that scanpy chooses on the concatenation', async () => {
    const loaded = await pbmcPlan([]);
    const labels = Array.from({ length: 400 }, (_, cell) => (cell === 17 ? 'alone' : `batch ${cell % 4}`));
    const parts: StatisticsReader[] = [];
    for (const index of [0, 1]) {
      const chunk = await openAnnData(join(loaded.base, `processed/test/pbmc/all/chunk_${index}.h5ad`));
      const scan = (await readScan(loaded.base, 'pbmc', `all/chunk_${index}`))!;
      const batches = cellBatches(labels.slice(index * 200, index * 200 + 200));
      const genes = await chunk.names('var');
      const header = { chunks: [], cells: 200, genes, batches: batches.names, cellsPerBatch: [...batches.cells] };
      const file = join(loaded.base, `${index}.sums`);
      const blocks = (start: number, end: number) => expressionBlocks(chunk, scan, { start, end });
      await writeStatistics(file, header, (deliver) =>
        accumulateGeneStatistics({ genes: genes.length, batches, blocks, deliver }),
      );
      await chunk.close();
      parts.push(await openStatistics(file));
    }
    await writeAdded(join(loaded.base, 'root.sums'), addStatistics(parts), QUIET);
    const root = await openStatistics(join(loaded.base, 'root.sums'));
    const { genes, batches, cellsPerBatch } = root.header;
    expect(genes.length).toBe(expected.sharedGenes);
    const choice = chooseOverBatches(genes, 512);
    const sums = new Float64Array(genes.length * 2);
    for (const batch of batches.keys()) {
      await addStatistics([root]).sumsOf(batch, sums);
      choice.add(sums, cellsPerBatch[batch]!);
    }
    expect(Array.from(choice.choose(), (gene) => genes[gene]!)).toEqual(expected.hvg512Batches);
    for (const reader of [...parts, root]) await reader.close();
  });
});
