import { createHash } from 'node:crypto';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { provenanceOf, readObsmNode } from '../core/anndata/obsm/obsm-array.js';
import { openZarr } from '../core/anndata/zarr/open-zarr.js';
import {
  editJson,
  embedding,
  fixture,
  removeColumn,
  type SmallDataset,
  smallDataset,
  writeNumbers,
} from './small-dataset.js';

const CHUNKS = { 'train/chunk_0.zarr': 'pbmc-24/chunk_0.zarr', 'val/chunk_0.zarr': 'pbmc-24/chunk_0.zarr' };
const CELLS = 24;
const DIM = 32;

let dataset: SmallDataset;
/** The chunk that something is wrong with. */
let bad: string;
beforeEach(async () => {
  dataset = await smallDataset(CHUNKS, '');
  bad = dataset.input('val/chunk_0.zarr');
  await cp(fixture('models'), join(dataset.base, 'models'), { recursive: true });
  await configure();
});
afterEach(() => dataset.remove());

/** gs, scvi_fm and geneformer with tiny models that lie below the base folder. */
const configure = ({ dim = DIM, model = 'geneformer-tiny', more = '' } = {}): Promise<void> =>
  dataset.configure(`
models_dir: models
max_failed_chunks: 1
embedding_cpu: { methods: [gs, scvi_fm], method_options: { scvi_fm: { model: scvi-tiny } } }
embedding_gpu:
  methods: [geneformer]
  embedding_dim_map: { geneformer: ${dim} }
  method_options: { geneformer: { model: ${model}${more} } }
`);

/** Puts other values into a matrix of the bad chunk. */
async function changeValues(
  matrix: 'X' | 'layers/counts',
  change: (value: number, at: number) => number,
): Promise<void> {
  const values: number[] = [];
  for await (const block of (await openZarr(bad)).rowBlocks(matrix)) values.push(...block.values);
  await writeNumbers(join(bad, matrix, 'data'), Float32Array.from(values, change));
}

/** Empties some cells of the bad chunk. */
async function emptyCells(cells: readonly number[]): Promise<void> {
  const store = await openZarr(bad);
  const values: number[] = [];
  for await (const block of store.rowBlocks('layers/counts')) {
    if (block.kind !== 'sparse') throw new Error('sparse counts were expected');
    for (let row = 0; row < block.rows; row++) {
      const counts = block.values.subarray(block.indptr[row], block.indptr[row + 1]);
      values.push(...(cells.includes(block.start + row) ? counts.map(() => 0) : counts));
    }
  }
  await writeNumbers(join(bad, 'layers/counts/data'), Float32Array.from(values));
  const sums = await store.column('obs', 'n_counts');
  if (sums.kind !== 'numbers') throw new Error('numbers were expected');
  await writeNumbers(
    join(bad, 'obs/n_counts'),
    Float32Array.from(sums.values, (sum, cell) => (cells.includes(cell) ? 0 : sum)),
  );
}

/** What is wrong, how it comes about, the methods that fail on the chunk, and what the message says. */
const CONTENT: [string, () => Promise<unknown>, string[], RegExp][] = [
  ['a scaled X', () => changeValues('X', (value) => value - 1.5), ['gs'], /negative values/],
  [
    'no counts',
    () => rm(join(bad, 'layers/counts'), { recursive: true }),
    ['geneformer', 'scvi_fm'],
    /val\/chunk_0 has no layers\/counts, which (scvi_fm|geneformer) reads.*Store raw counts in layers\/counts/,
  ],
  [
    'counts that are none',
    () => changeValues('layers/counts', (value, at) => (at === 7 ? 1.5 : value)),
    ['geneformer', 'scvi_fm'],
    /layers\/counts of val\/chunk_0 holds 1.5 at row 0, column \d+; counts \(whole numbers, 0 or more\) were expected/,
  ],
  [
    'symbols where looking them up is off',
    async () => {
      await removeColumn(bad, 'var', 'ensembl_id');
      await configure({ more: ', map_symbols: false' });
    },
    ['geneformer'],
    /Missing ensembl_id for Geneformer: .*val\/chunk_0.*map_symbols: true/,
  ],
];

describe('a chunk with', () => {
  it.each(CONTENT)(
    '%s fails the methods that need it otherwise, by name, and only those',
    async (_, spoil, fails, message) => {
      await spoil();
      const { status, failures } = await dataset.run();
      expect(status).toBe('partial');
      expect(failures.map(({ chunk, method }) => `${chunk} ${method}`).sort()).toEqual(
        fails.map((method) => `val/chunk_0 ${method}`),
      );
      for (const failure of failures) {
        expect(failure.type).toBe('InvalidInput');
        expect(failure.message).toMatch(message);
      }
      const all = ['geneformer', 'gs', 'scvi_fm'];
      const left = all.filter((method) => !fails.includes(method)).map((method) => `X_${method}`);
      await dataset.expectVisible({
        'train/chunk_0': all.map((method) => `X_${method}`),
        ...(left.length > 0 ? { 'val/chunk_0': left } : {}),
      });
    },
  );

  it('symbols instead of Ensembl ids is mapped, which is said', async () => {
    await removeColumn(bad, 'var', 'ensembl_id');
    const { status, warnings = [] } = await dataset.run({ methods: ['geneformer'] });
    expect(status).toBe('completed');
    const said = warnings.find(({ chunk }) => chunk === 'val/chunk_0')!;
    expect(said).toMatchObject({
      method: 'geneformer',
      message: expect.stringContaining('gene symbols were looked up'),
    });
  });

  it('empty cells gives them rows of zeros, which the array lists', async () => {
    await emptyCells([0, 5, 6]);
    const { status, warnings = [] } = await dataset.run({ methods: ['geneformer'] });
    expect(status).toBe('completed');
    expect(warnings.map(({ chunk, message }) => `${chunk}: ${message}`).join('\n')).toMatch(
      /val\/chunk_0: .*3 cells have no gene of the vocabulary/,
    );
    const store = dataset.output('val/chunk_0');
    const found = await embedding(store, 'X_geneformer');
    const zero = Array.from({ length: CELLS }, (_, row) => row).filter((row) =>
      found.subarray(row * DIM, (row + 1) * DIM).every((value) => value === 0),
    );
    expect(zero).toEqual([0, 5, 6]);
    const node = readObsmNode(store, 'X_geneformer');
    if (node === null || node === 'group') throw new Error('X_geneformer was not published');
    expect(provenanceOf(node)).toMatchObject({
      zeroRows: [
        [0, 1],
        [5, 7],
      ],
      model: { id: 'geneformer-tiny' },
      vocabularySha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect((await dataset.run({ methods: ['geneformer'] })).chunks).toMatchObject({ skipped: 2 });
  });
});

describe('a model', () => {
  const bundle = (file: string) => join(dataset.base, 'models/geneformer-tiny', file);

  it('that is missing is refused before work with how to make it, or left out where that is allowed', async () => {
    await configure({ model: 'geneformer' });
    await expect(dataset.run()).rejects.toMatchObject({
      type: 'MissingModel',
      message: expect.stringContaining('The model of geneformer is missing: no bundle "geneformer"'),
      remedy: expect.stringMatching(
        /python scripts\/export\/geneformer\.py --model .* --out \.\/geneformer, .*obsmith models add \.\/geneformer/,
      ),
    });
    const { code, out } = await dataset.cli('run', dataset.config, '--json');
    expect([code, JSON.parse(out).error.type]).toEqual([2, 'MissingModel']);
    const { status, methods } = await dataset.run({ set: { skip_unavailable: true } });
    expect([status, Object.keys(methods).sort()]).toEqual(['partial', ['gs', 'scvi_fm']]);
  });

  it.each(['model.onnx', 'weights.bin', 'vocab.json'])('with one flipped byte in %s is refused', async (file) => {
    const bytes = await readFile(bundle(file));
    bytes[Math.floor(bytes.length / 2)]! ^= 1;
    await writeFile(bundle(file), bytes);
    await expect(dataset.run()).rejects.toMatchObject({
      type: 'MissingModel',
      message: expect.stringMatching(new RegExp(`${file.replace('.', '\\.')} was changed: expected sha256`)),
    });
  });

  it('with another vocabulary than its own is refused', async () => {
    await cp(join(dataset.base, 'models/geneformer-v1-tiny/vocab.json'), bundle('vocab.json'));
    await expect(dataset.run()).rejects.toMatchObject({ message: expect.stringContaining('vocab.json was changed') });
    const sha256 = createHash('sha256')
      .update(await readFile(bundle('vocab.json')))
      .digest('hex');
    await editJson(bundle('bundle.json'), (description) => {
      (description.sha256 as Record<string, string>)['vocab.json'] = sha256;
    });
    await expect(dataset.run()).rejects.toMatchObject({
      type: 'MissingModel',
      message: expect.stringContaining('vocab.json lacks the special token <cls>'),
    });
  });

  it('of another dimension than the configuration says is refused, naming both', async () => {
    await configure({ dim: 768 });
    await expect(dataset.run()).rejects.toMatchObject({
      type: 'InvalidConfig',
      message: 'embedding_dim_map.geneformer is 768, but the model geneformer-tiny has 32 dimensions',
    });
  });

  it('that is to run on a CUDA device that is not there fails its method; the others go on', async () => {
    const before = process.env.OBSMITH_DEVICE;
    process.env.OBSMITH_DEVICE = 'cuda:0';
    try {
      const { failures, methods } = await dataset.run();
      expect(failures).toHaveLength(2);
      for (const failure of failures)
        expect(failure).toMatchObject({
          method: 'geneformer',
          type: 'InvalidConfig',
          message: expect.stringMatching(/Device cuda:0 cannot be used: .*--device cpu/),
        });
      expect(methods).toMatchObject({ gs: { computed: 2 }, scvi_fm: { computed: 2 } });
    } finally {
      if (before === undefined) delete process.env.OBSMITH_DEVICE;
      else process.env.OBSMITH_DEVICE = before;
    }
  });
});
