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
