import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { QUIET } from '../tasks/types.js';
import { copyToZarr } from './copy.js';
import { inspectStore, type StoreInspection } from './inspect.js';
import { fixture } from './reader.contract.js';

const zoo = fileURLToPath(new URL('../../test/fixtures/h5ad/zoo.h5ad', import.meta.url));

async function inspected(path: string): Promise<StoreInspection> {
  const inspection = await inspectStore(path);
  if (inspection.kind !== 'store') throw new Error(`${path} is a data set`);
  return inspection;
}

describe('inspectStore', () => {
  it('shows shape, matrices and columns of an h5ad file', async () => {
    const store = await inspected(zoo);
    expect(store).toMatchObject({ format: 'h5ad', cells: 12, genes: 9 });
    expect(store.matrices['layers/columns']).toMatchObject({ encoding: 'csc', dtype: 'float64' });
    expect(store.matrices['raw/X']).toMatchObject({ encoding: 'csr', columns: 11 });
    expect(store.obs.find(({ name }) => name === 'type')).toMatchObject({ kind: 'categories', categories: 3 });
    expect(store.obs.find(({ name }) => name === 'big')).toMatchObject({
      kind: 'unreadable',
      problem: expect.stringContaining('2^53'),
    });
    expect(store.obs.find(({ name }) => name === 'small')).toMatchObject({ kind: 'numbers', dtype: 'int16' });
    expect(store.obsm.find(({ key }) => key === 'X_umap')).toMatchObject({ shape: [12, 2], dtype: 'float64' });
    expect(store.obsm.find(({ key }) => key === 'frame')).toMatchObject({ shape: null, provenance: null });
  });

  it('shows the same for its copy, with chunks and codecs', async () => {
    const copy = join(await mkdtemp(join(tmpdir(), 'obsmith-inspect-')), 'copy.zarr');
    await copyToZarr(zoo, copy, QUIET);
    const [a, b] = [await inspected(zoo), await inspected(copy)];
    expect(b.format).toBe('zarr-v2');
    const comparable = ({ obs, var: genes, matrices }: StoreInspection) => ({
      matrices,
      columns: [...obs, ...genes].map(({ problem, ...column }) => ({ ...column, readable: problem === null })),
    });
    expect(comparable(b)).toEqual(comparable(a));
    expect([...b.uns].sort()).toEqual([...a.uns].sort());
    expect(b.obsm.find(({ key }) => key === 'X_umap')).toMatchObject({ chunks: [12, 2], codecs: ['blosc'] });
  });

  it('shows provenance and genes of an array that Obsmith made', async () => {
    const copy = join(await mkdtemp(join(tmpdir(), 'obsmith-inspect-')), 'copy.zarr');
    await copyToZarr(fixture('v2.zarr'), copy, QUIET);
    const first = (await inspected(copy)).obsm.find(({ shape }) => shape !== null)!;
    expect(first).toMatchObject({ provenance: null, genes: null, inherited: false });
    const file = join(copy, 'obsm', first.key, '.zattrs');
    const provenance = { method: 'hvg', parameters: { dim: 2 }, genes: ['g1', 'g0'] };
    const attributes = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(file, JSON.stringify({ ...attributes, obsmith: provenance }));
    const array = (await inspected(copy)).obsm.find(({ key }) => key === first.key);
    expect(array).toMatchObject({ provenance, genes: ['g1', 'g0'] });
  });

  it('shows the data set where dataset.json lies', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'obsmith-inspect-'));
    await writeFile(join(folder, 'dataset.json'), '{"dataset":"pbmc","version":1,"cells":3}');
    expect(await inspectStore(folder)).toMatchObject({ kind: 'dataset', dataset: { dataset: 'pbmc', cells: 3 } });
    await writeFile(join(folder, 'dataset.json'), '{"dataset":');
    await expect(inspectStore(folder)).rejects.toMatchObject({ type: 'InvalidInput' });
  });

  it('refuses what is neither', async () => {
    await expect(inspectStore('/nowhere')).rejects.toThrow('Input file not found: /nowhere');
  });
});
