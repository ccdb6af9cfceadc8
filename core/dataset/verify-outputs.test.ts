import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  blockFile,
  CELLS,
  CHUNK,
  claim,
  FIXTURES,
  GS,
  PCA,
  provenanceFor,
  publish,
  type Sandbox,
  sandbox,
  stageAndSeal,
  valuesOf,
} from '../../test/publishing.js';
import { openAnnData } from '../anndata/open.js';
import { writeStrings } from '../anndata/zarr-write/strings.js';
import { QUIET } from '../tasks/types.js';
import type { VerifiedArray } from './verify-array.js';
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
  const block = (key: string, at: number) => blockFile(box, fixture, key, at);

  type Members = Record<string, unknown>;
  /** Rewrites the metadata of an array, and what Obsmith wrote about it. */
  const changeArray = async (
    key: string,
    change: (array: Members) => Members,
    note: (obsmith: Members) => Members = (obsmith) => obsmith,
  ): Promise<void> => {
    const edit = async (file: string, by: (content: Members) => Members) => {
      const path = join(box.output, 'obsm', key, file);
      await writeFile(path, JSON.stringify(by(JSON.parse(await readFile(path, 'utf8')) as Members)));
    };
    const noted = (attributes: Members) => ({ ...attributes, obsmith: note(attributes.obsmith as Members) });
    if (fixture === 'v2.zarr') {
      await edit('.zarray', change);
      await edit('.zattrs', noted);
    } else {
      await edit('zarr.json', (array) => change({ ...array, attributes: noted(array.attributes as Members) }));
    }
  };
  const typeOf = (name: 'float16'): Members => (fixture === 'v2.zarr' ? { dtype: '<f2' } : { data_type: name });

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

  it('names arrays that are expected, but absent or only inherited', async () => {
    const expected = ['X_gs', 'X_pca', 'X_hvg'];
    const [found] = await verifyOutputs([{ name: CHUNK.name, input: null, output: box.output, expected }], QUIET);
    expect(found!.problems.map(({ where, message }) => `${where}: ${message}`)).toEqual([
      expect.stringMatching(/obsm\/X_pca: the configuration asks for it, but .* has only what its input had of it/),
      expect.stringMatching(/obsm\/X_hvg: the configuration asks for it, but .* does not have it/),
    ]);
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

  it('tells another order of cells, shape and type', async () => {
    const swapped = join(box.base, 'swapped.zarr');
    await cp(join(FIXTURES, 'v2.zarr'), swapped, { recursive: true });
    const store = await openAnnData(swapped);
    const names = await store.names('obs');
    await rm(join(swapped, 'obs/_index'), { recursive: true });
    await writeStrings(join(swapped, 'obs/_index'), [names[1]!, names[0]!, ...names.slice(2)]);
    expect((await verify(swapped)).problems).toMatchObject([
      { where: CHUNK.name, message: expect.stringContaining(`cell 0 is "${names[0]}", expected "${names[1]}"`) },
    ]);
    await changeArray('X_gs', (array) => ({ ...array, ...typeOf('float16') }));
    await changeArray('X_other', (array) => ({ ...array, shape: [59, 4] }));
    const { problems } = await verify();
    const messages = problems.map(({ where, message }) => `${where}: ${message}`);
    expect(messages).toContainEqual(expect.stringMatching(/obsm\/X_gs: expected float32, found float16/));
    expect(messages).toContainEqual(expect.stringMatching(/obsm\/X_other: expected 60 rows.*shape \(59, 4\)/));
    expect(messages).toContainEqual(expect.stringMatching(/obsm\/X_other: expected 5 columns.*found 4/));
  });

  it('compares rows of zeros with those that provenance lists', async () => {
    const embedding = { ...PCA, key: 'X_tokens' };
    const staged = await claim(box, embedding);
    const values = valuesOf(embedding);
    for (const row of [0, 20, 21]) values.fill(0, row * 5, row * 5 + 5);
    for (let at = 0; at < staged.blocks; at++)
      await staged.writeBlock(at, values.subarray(at * 16 * 5, (at + 1) * 16 * 5));
    const listed = [
      [0, 1],
      [20, 22],
    ];
    await staged.seal({ ...provenanceFor(embedding), zeroRows: listed });
    await publish(box, embedding);
    const tokens = (arrays: readonly VerifiedArray[]) => arrays.find(({ key }) => key === 'X_tokens');
    const whole = await verify();
    expect(whole.problems).toEqual([]);
    expect(tokens(whole.arrays)).toMatchObject({ zeroRows: 3, listedZeroRows: 3 });

    const list = (zeroRows: unknown) =>
      changeArray(
        'X_tokens',
        (array) => array,
        (obsmith) => ({ ...obsmith, zeroRows }),
      );
    const messages = async () => (await verify()).problems.map(({ message }) => message);
    await list([[0, 1]]);
    expect(await messages()).toEqual([
      'expected the 1 rows of zeros that its provenance lists, found 3: row 20 is not listed, but zeros',
    ]);
    await list([[0, 3], ...listed.slice(1)]);
    expect(await messages()).toEqual([
      'expected the 5 rows of zeros that its provenance lists, found 3: row 1 is listed, but holds other values',
    ]);
    await list('all');
    expect(await messages()).toEqual([expect.stringContaining('lists zeroRows "all"')]);
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
