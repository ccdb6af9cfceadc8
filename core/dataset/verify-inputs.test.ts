import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Column } from '../anndata/types.js';
import { CsrWriter } from '../anndata/zarr-write/csr-writer.js';
import { writeDataframe } from '../anndata/zarr-write/dataframe.js';
import { writeGroupMetadata } from '../anndata/zarr-write/metadata.js';
import { QUIET } from '../tasks/types.js';
import type { InputRequirements } from './input-requirements.js';
import { verifyInputs } from './verify-inputs.js';

const fixture = (name: string): string => fileURLToPath(new URL(`../../test/fixtures/${name}`, import.meta.url));
const NOTHING: InputRequirements = { counts: false, ensembl: null, batchKey: null };
const IDENTIFYING = { methods: ['gs', 'geneformer'], mapSymbols: true };
const ALL: InputRequirements = { counts: true, ensembl: IDENTIFYING, batchKey: 'batch' };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-verify-'));
});

interface Chunk {
  readonly x: readonly (readonly number[])[];
  readonly counts?: readonly (readonly number[])[];
  readonly genes?: readonly string[];
}

/** Log-normalised values of three cells and two genes, of nearly equal sums. */
const X = [
  [0.5, 1.25],
  [1.5, 0.25],
  [0.75, 1],
];
const COUNTS = [
  [1, 4],
  [7, 1],
  [2, 3],
];

async function chunk({ x, counts, genes = ['g0', 'g1'] }: Chunk): Promise<string> {
  const path = join(folder, 'chunk_0.zarr');
  await matrix(join(path, 'X'), x, genes.length, 'float32');
  if (counts) await matrix(join(path, 'layers', 'counts'), counts, genes.length, 'float32');
  await writeGroupMetadata('zarr-v2', join(path, 'layers'), {});
  const cells = x.map((_, i) => `cell_${i}`);
  const batch: Column = { kind: 'strings', values: cells };
  await writeDataframe(join(path, 'obs'), cells, new Map([['donor', batch]]));
  await writeDataframe(join(path, 'var'), genes, new Map());
  await writeGroupMetadata('zarr-v2', path, { 'encoding-type': 'anndata', 'encoding-version': '0.1.0' });
  return path;
}

async function matrix(path: string, rows: readonly (readonly number[])[], columns: number, dtype: 'float32') {
  const writer = new CsrWriter(path, columns, dtype);
  for (const row of rows) {
    const indices = Int32Array.from(row.keys());
    await writer.append(Int32Array.of(0, row.length), indices, Float32Array.from(row));
  }
  await writer.finish();
}

async function messages(path: string, requirements: InputRequirements): Promise<string[]> {
  const [verified] = await verifyInputs([{ name: 'train/chunk_0', path }], requirements, QUIET);
  expect(verified!.problems.every((problem) => problem.where === 'train/chunk_0' && problem.remedy !== '')).toBe(true);
  return verified!.problems.map((problem) => problem.message);
}

describe('verifyInputs', () => {
  it.each(['heart-60/chunk_0.zarr', 'heart-60/chunk_0.h5ad', 'pbmc-24/chunk_0.zarr'])(
    'finds nothing wrong with %s',
    async (name) => {
      expect(await messages(fixture(name), ALL)).toEqual([]);
    },
  );

  it('accepts a chunk that lacks what no method needs', async () => {
    expect(await messages(await chunk({ x: X }), NOTHING)).toEqual([]);
  });

  it('lists everything that is missing at once', async () => {
    const path = await chunk({ x: X });
    expect(await messages(path, ALL)).toEqual([
      `Missing ensembl_id for Geneformer: the var index of ${path} ("g0", "g1") and var.ensembl_id have neither Ensembl ids nor gene symbols of the bundled table`,
      `${path} has no obs column "batch" (batch_key); there are: donor`,
      `${path} has no layers/counts; layers: none`,
    ]);
  });

  it('takes gene symbols with a note, as methods do, unless one of them refuses that', async () => {
    const path = await chunk({ x: X, counts: COUNTS, genes: ['NOC2L', 'unheard-of'] });
    const verify = async (mapSymbols: boolean) =>
      (await verifyInputs([{ name: 'c', path }], { ...NOTHING, ensembl: { ...IDENTIFYING, mapSymbols } }, QUIET))[0]!;
    expect(await verify(true)).toMatchObject({
      problems: [],
      notes: [expect.stringMatching(/gene symbols are looked up in the bundled table, which knows 1 of 2/)],
    });
    expect(await verify(false)).toMatchObject({
      problems: [{ message: expect.stringMatching(/^Missing ensembl_id for Geneformer: .*NOC2L/) }],
      notes: [],
    });
  });

  it('names cell and gene of a NaN', async () => {
    const path = await chunk({ x: [X[0]!, [1.5, Number.NaN], X[2]!], counts: COUNTS });
    expect(await messages(path, NOTHING)).toEqual([
      `X of ${path} holds NaN at row 1, column 1 (cell "cell_1", gene "g1"); finite values were expected`,
    ]);
  });

  it('finds infinity in counts, too', async () => {
    const path = await chunk({ x: X, counts: [COUNTS[0]!, COUNTS[1]!, [Number.POSITIVE_INFINITY, 1]] });
    expect(await messages(path, NOTHING)).toEqual([expect.stringContaining('layers/counts of')]);
  });

  it('names duplicate gene ids', async () => {
    const path = await chunk({ x: X, genes: ['g0', 'g0'] });
    expect(await messages(path, NOTHING)).toEqual([`${path} has gene ids more than once in var (1): "g0"`]);
  });

  it('refuses counts that are no counts', async () => {
    const path = await chunk({ x: X, counts: [[0.5, 1], COUNTS[1]!, COUNTS[2]!] });
    expect(await messages(path, NOTHING)).toEqual([
      `layers/counts of ${path} holds no counts: 1 values are no integers`,
    ]);
  });

  it('refuses scaled values', async () => {
    const path = await chunk({ x: [[-1.5, 1], X[1]!, X[2]!], counts: COUNTS });
    expect(await messages(path, NOTHING)).toEqual([expect.stringContaining('negative values (minimum -1.5)')]);
  });

  it('refuses a chunk without cells', async () => {
    const path = await chunk({ x: [] });
    expect(await messages(path, NOTHING)).toEqual([`${path} has no cells (obs is empty)`]);
  });

  it('goes on after chunks that cannot be opened or decoded', async () => {
    const damaged = await chunk({ x: X });
    await rm(join(damaged, 'X', 'data', '0'));
    const text = join(folder, 'chunk_1.h5ad');
    await writeFile(text, 'no HDF5');
    const paths = [join(folder, 'none.zarr'), text, damaged, fixture('heart-60/chunk_0.zarr')];
    const seen: number[] = [];
    const context = { progress: (done: number) => void seen.push(done), checkCancelled() {} };
    const verified = await verifyInputs(
      paths.map((path, i) => ({ name: `train/chunk_${i}`, path })),
      NOTHING,
      context,
    );
    expect(verified.map(({ problems }) => problems.map(({ message }) => message))).toEqual([
      [`Input file not found: ${paths[0]}`],
      [expect.stringContaining('is not an HDF5 file')],
      [expect.stringContaining('X/data')],
      [],
    ]);
    expect(verified.map(({ cells }) => cells)).toEqual([null, null, 3, 60]);
    expect(seen).toEqual([1, 2, 3, 4]);
  });
});
