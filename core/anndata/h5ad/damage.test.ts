import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { openAnnData } from '../open.js';
import { rowsOf } from '../reader.contract.js';
import { hdf5Call } from './file.js';
import { openH5ad } from './reader.js';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../test/fixtures/h5ad/${name}`, import.meta.url));

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-h5ad-'));
  file = join(folder, 'chunk_0.h5ad');
});

/** zoo.h5ad with bytes flipped in the middle of the first storage chunk of a dataset. */
async function damaged(dataset: string): Promise<void> {
  const places = JSON.parse(await readFile(fixture('chunks.json'), 'utf8'));
  const bytes = await readFile(fixture('zoo.h5ad'));
  const { offset, size } = places[dataset];
  for (let i = Math.floor(size / 2); i < size / 2 + 4; i++) bytes[offset + i] = bytes[offset + i]! ^ 0xff;
  await writeFile(file, bytes);
}

describe('openH5ad', () => {
  it('refuses what is not HDF5, naming the file', async () => {
    await writeFile(file, 'cell,gene\n'.repeat(1000));
    await expect(openH5ad(file)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: `${file} is not an HDF5 file: it does not begin with the HDF5 signature`,
    });
  });

  it('refuses an empty file', async () => {
    await writeFile(file, '');
    await expect(openH5ad(file)).rejects.toMatchObject({ type: 'InvalidInput' });
  });

  it.each([0.02, 0.5, 0.99])('refuses a file cut off after %f of its bytes', async (part) => {
    const bytes = await readFile(fixture('zoo.h5ad'));
    await writeFile(file, bytes.subarray(0, Math.floor(bytes.length * part)));
    await expect(openH5ad(file)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(/chunk_0\.h5ad.* truncated/),
    });
  });

  it('refuses HDF5 that holds no AnnData', async () => {
    const tenx = fileURLToPath(new URL('../../../test/fixtures/import/scanpy_10x_v3.h5', import.meta.url));
    await expect(openH5ad(tenx)).rejects.toThrow('holds no AnnData: it has no obs');
  });
});

describe('a corrupt gzip block', () => {
  it.each(['X/data', 'layers/dense'] as const)(
    'of %s is an error that names it, and other matrices stay readable',
    async (dataset) => {
      await damaged(dataset);
      const store = await openAnnData(file);
      const matrix = dataset === 'X/data' ? 'X' : dataset;
      await expect(rowsOf(store, matrix)).rejects.toMatchObject({
        type: 'InvalidInput',
        message: expect.stringContaining(`${file}: ${dataset} cannot be decoded`),
      });
      await expect(store.digest(matrix)).rejects.toMatchObject({ type: 'InvalidInput' });
      expect(await rowsOf(store, 'layers/counts')).toHaveLength(12);
      await store.close();
    },
  );

  it('of strings is an error that leaves the library usable', async () => {
    await damaged('obs/_index');
    const store = await openAnnData(file);
    await expect(store.names('obs')).rejects.toThrow('obs/_index cannot be decoded');
    expect((await store.names('var')).slice(0, 2)).toEqual(['g0', 'g1']);
    await store.close();
  });
});

describe('a file system that fails in the midst of a read', () => {
  it('is StoreUnavailable, because a later attempt may succeed', () => {
    const read = (): never => {
      throw new Error(
        "#009: H5FDsec2.c line 773 in H5FD__sec2_read(): file read failed: errno = 29, error message = 'I/O error', buf = 0x1",
      );
    };
    expect(() => hdf5Call('chunk_0.h5ad: X/data', read)).toThrow(
      expect.objectContaining({ type: 'StoreUnavailable', message: 'chunk_0.h5ad: X/data cannot be read: I/O error' }),
    );
  });
});

describe('values that a 64-bit float cannot hold', () => {
  it('are refused, naming the column', async () => {
    const store = await openH5ad(fixture('zoo.h5ad'));
    await expect(store.column('obs', 'big')).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('obs/big'),
    });
    await store.close();
  });
});

describe('files of older AnnData versions', () => {
  // Values: anndata.read_h5ad of the same files.
  it('are read where obs is a structured array and categories lie in uns', async () => {
    const store = await openH5ad(fixture('structured.h5ad'));
    expect([store.cells, store.genes]).toEqual([14, 11]);
    expect(await store.keys('uns')).not.toContain('louvain_categories');
    expect(await store.keys('obsm')).toEqual(['X_pca', 'X_umap']);
    const louvain = await store.column('obs', 'louvain');
    expect(louvain.kind === 'categories' && [...louvain.codes]).toEqual([1, 1, 3, 9, 2, 8, 5, 2, 3, 1, 3, 0, 4, 0]);
    expect((await store.matrix('raw/X'))?.encoding).toBe('csr');
    expect(await rowsOf(store, 'raw/X')).toHaveLength(14);
    await store.close();
  });

  it('are read where categories lie in __categories', async () => {
    const store = await openH5ad(fixture('frames.h5ad'));
    const louvain = await store.column('obs', 'louvain');
    expect(louvain).toMatchObject({ kind: 'categories', categories: ['0', '1', '2', '3', '4', '5'], ordered: false });
    expect(await store.keys('obs')).toEqual(['louvain']);
    await store.close();
  });
});
