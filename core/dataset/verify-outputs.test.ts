import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CELLS,
  CHUNK,
  FIXTURES,
  GS,
  PCA,
  publish,
  type Sandbox,
  sandbox,
  stageAndSeal,
} from '../../test/publishing.js';
import { QUIET } from '../tasks/types.js';
import { verifyOutputs } from './verify-outputs.js';

describe.each(['v2.zarr', 'v3.zarr', 'v3-sharded.zarr'])('verifyOutputs of a copy of %s', (fixture) => {
  let box: Sandbox;
  beforeEach(async () => {
    box = await sandbox(fixture);
    for (const embedding of [GS, { ...PCA, key: 'X_other' }]) {
      await stageAndSeal(box, embedding);
      await publish(box, embedding);
    }
  });
  afterEach(() => box.remove());

  const verify = async (input: string | null = join(box.base, CHUNK.input)) => {
    const [found] = await verifyOutputs([{ name: CHUNK.name, input, output: box.output }], QUIET);
    return found!;
  };
  const block = (key: string, at: number) =>
    join(box.output, 'obsm', key, fixture === 'v2.zarr' ? `${at}.0` : `c/${at}/0`);

  it('finds nothing wrong with what was published', async () => {
    const done: number[] = [];
    const store = { name: CHUNK.name, input: join(box.base, CHUNK.input), output: box.output };
    const [found] = await verifyOutputs([store], { progress: (rows) => done.push(rows), checkCancelled() {} });
    expect(found).toMatchObject({
      cells: CELLS,
      problems: [],
      arrays: [
        { key: 'X_gs', method: 'gs', shape: [60, 40], dtype: 'float32', zeroRows: 0, finite: true, inherited: false },
        { key: 'X_other', method: 'other', shape: [60, 5], zeroRows: 0, finite: true },
        { key: 'X_pca', method: null, inherited: true },
      ],
    });
    expect(done.at(-1)).toBe(3 * CELLS);
  });

  it('lists all problems at once', async () => {
    const values = await readFile(block('X_other', 1));
    new DataView(values.buffer, values.byteOffset).setFloat32(8, Number.NaN, true);
    await writeFile(block('X_other', 1), values);
    await rm(block('X_gs', 2));
    const { problems, arrays } = await verify(join(FIXTURES, 'plain.h5ad'));
    expect(problems.map(({ where, message }) => `${where}: ${message}`)).toEqual([
      expect.stringMatching(/obsm\/X_gs: chunk .* is missing/),
      expect.stringMatching(/obsm\/X_other: expected finite values, found NaN at row 16, column 2/),
      expect.stringMatching(/obsm\/X_other: its values have the digest .*, its provenance says/),
    ]);
    expect(problems.every(({ remedy }) => remedy !== '')).toBe(true);
    expect(arrays.find(({ key }) => key === 'X_gs')).toMatchObject({ zeroRows: null, finite: null });
  });

  it('compares cells and their order with the input', async () => {
    expect((await verify(join(FIXTURES, '../pbmc-24/chunk_0.zarr'))).problems).toMatchObject([
      { where: CHUNK.name, message: expect.stringMatching(/expected the 24 cells of .*, found 60/) },
    ]);
    expect((await verify(null)).problems).toEqual([]);
  });

  it('finds arrays that readers do not see, and listed ones that are gone', async () => {
    await rename(join(box.output, 'obsm/X_gs'), join(box.output, 'obsm/X_moved'));
    expect((await verify()).problems.map(({ where, message }) => `${where}: ${message}`)).toEqual([
      expect.stringMatching(/obsm\/X_moved: not listed/),
      expect.stringMatching(/obsm\/X_gs: listed .* but absent/),
    ]);
  });

  it('goes on after an absent and a corrupt store', async () => {
    const corrupt = join(box.base, 'corrupt.zarr');
    await cp(box.output, corrupt, { recursive: true });
    await writeFile(join(corrupt, 'obs', fixture === 'v2.zarr' ? '.zattrs' : 'zarr.json'), '{"a"');
    const stores = ['absent.zarr', 'corrupt.zarr', CHUNK.output].map((path) => ({
      name: path,
      input: null,
      output: join(box.base, path),
    }));
    const found = await verifyOutputs(stores, QUIET);
    expect(found.map(({ cells, problems }) => [cells, problems.map(({ message }) => message)])).toEqual([
      [null, [expect.stringMatching(/There is no output/)]],
      [null, [expect.stringMatching(/not valid JSON/)]],
      [CELLS, []],
    ]);
  });
});
