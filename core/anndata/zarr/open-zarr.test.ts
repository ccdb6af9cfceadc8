import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixture, readerContract, rowsOf } from '../reader.contract.js';
import { openZarr } from './open-zarr.js';

readerContract('zarr v2', () => openZarr(fixture('v2.zarr')));
readerContract('zarr v3', () => openZarr(fixture('v3.zarr')));
readerContract('sharded zarr v3', () => openZarr(fixture('v3-sharded.zarr')));

describe('a store in the encoding of anndata 0.7', () => {
  it('reads categories beside their codes, and a matrix described by h5sparse attributes', async () => {
    const [old, now] = await Promise.all([openZarr(fixture('legacy.zarr')), openZarr(fixture('v2.zarr'))]);
    expect(await old.names('obs')).toEqual(await now.names('obs'));
    expect(await old.keys('obs')).toEqual(['cell_type', 'stage', 'donor', 'n_counts']);
    for (const name of await old.keys('obs'))
      expect(await old.column('obs', name)).toEqual(await now.column('obs', name));
    expect(await old.matrix('X')).toEqual(await now.matrix('X'));
    expect(await rowsOf(old, 'X')).toEqual(await rowsOf(now, 'X'));
  });
});

it('reads a store whose raw is a null scalar as one without raw', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'obsmith-zarr-'));
  try {
    await cp(fixture('v2.zarr'), folder, { recursive: true });
    await rm(join(folder, 'raw'), { recursive: true });
    await mkdir(join(folder, 'raw'));
    await writeFile(
      join(folder, 'raw/.zarray'),
      '{"zarr_format":2,"shape":[],"chunks":[],"dtype":"|b1","fill_value":false,"order":"C","filters":null,"compressor":null}',
    );
    await writeFile(join(folder, 'raw/.zattrs'), '{"encoding-type":"null","encoding-version":"0.1.0"}');
    const store = await openZarr(folder);
    expect(await store.matrix('raw/X')).toBeNull();
    await expect(store.names('raw/var')).rejects.toMatchObject({ type: 'InvalidInput' });
  } finally {
    await rm(folder, { recursive: true });
  }
});
