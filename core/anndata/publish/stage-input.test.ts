import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CELLS, CHUNK, FIXTURES, filesBelow, type Sandbox, STAGING, sandbox } from '../../../test/publishing.js';
import { ObsmithError } from '../../errors.js';
import { QUIET } from '../../tasks/types.js';
import { inheritedKeys } from '../obsm/obsm-array.js';
import { openZarr } from '../zarr/open-zarr.js';
import { stageInput } from './stage-input.js';

describe('stageInput', () => {
  let box: Sandbox;
  beforeEach(async () => {
    box = await sandbox();
  });
  afterEach(() => box.remove());
  const copy = () => join(box.staging, 'store.zarr');

  it.each(['v2.zarr', 'v3.zarr', 'v3-sharded.zarr', 'plain.h5ad'])(
    'copies %s and records the arrays that came with it',
    async (fixture) => {
      const input = `processed/${fixture}`;
      await cp(join(FIXTURES, fixture), join(box.base, input), { recursive: true });
      await stageInput({ base: box.base, chunk: { ...CHUNK, input }, staging: STAGING }, QUIET);
      expect(inheritedKeys(copy())).toEqual(['X_pca']);
      const store = await openZarr(copy());
      expect({ cells: store.cells, format: store.format }).toEqual({
        cells: CELLS,
        format: fixture.startsWith('v3') ? 'zarr-v3' : 'zarr-v2',
      });
      expect(await readdir(box.staging)).toEqual(['store.zarr']);
    },
  );

  it('gives an input without obsm an empty one', async () => {
    await rm(join(box.base, CHUNK.input, 'obsm'), { recursive: true });
    await stageInput({ base: box.base, chunk: CHUNK, staging: STAGING }, QUIET);
    expect(inheritedKeys(copy())).toEqual([]);
    expect(await readdir(join(copy(), 'obsm'))).toEqual(['.zattrs', '.zgroup']);
  });

  it('does nothing where the output or the copy exist', async () => {
    await stageInput({ base: box.base, chunk: CHUNK, staging: STAGING }, QUIET);
    const files = await filesBelow(box.staging);
    await stageInput({ base: box.base, chunk: { ...CHUNK, input: 'gone' }, staging: STAGING }, QUIET);
    expect(await filesBelow(box.staging)).toEqual(files);
    await rm(box.staging, { recursive: true });
    await mkdir(box.output, { recursive: true });
    await stageInput({ base: box.base, chunk: { ...CHUNK, input: 'gone' }, staging: STAGING }, QUIET);
    expect(await filesBelow(box.base)).not.toHaveProperty([`${STAGING}/store.zarr/.zgroup`]);
  });

  it('leaves nothing behind when it is cancelled or the input is missing', async () => {
    const checkCancelled = () => {
      throw new ObsmithError({ type: 'Cancelled', message: 'cancelled', remedy: '' });
    };
    const cancelled = stageInput({ base: box.base, chunk: CHUNK, staging: STAGING }, { ...QUIET, checkCancelled });
    await expect(cancelled).rejects.toMatchObject({ type: 'Cancelled' });
    const missing = stageInput({ base: box.base, chunk: { ...CHUNK, input: 'gone.zarr' }, staging: STAGING }, QUIET);
    await expect(missing).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('gone.zarr'),
    });
    expect(await readdir(box.staging)).toEqual([]);
  });

  it('may be tried again where another attempt took its half-made copy away', async () => {
    const takeAway = async () => {
      const [half] = (await readdir(box.staging)).filter((name) => name.startsWith('copy-'));
      if (half !== undefined) await rename(join(box.staging, half), join(box.base, 'away'));
    };
    let taken: Promise<void> | undefined;
    const progress = () => {
      taken ??= takeAway();
    };
    const staged = stageInput({ base: box.base, chunk: CHUNK, staging: STAGING }, { ...QUIET, progress });
    await expect(staged).rejects.toMatchObject({
      type: 'StoreUnavailable',
      message: expect.stringContaining('removed by another attempt'),
    });
    await taken;
    expect(await readdir(box.staging)).toEqual([]);
  });
});
