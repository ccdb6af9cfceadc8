import { fixture, readerContract } from '../reader.contract.js';
import { openZarr } from './open-zarr.js';

readerContract('zarr v2', () => openZarr(fixture('v2.zarr')));
readerContract('zarr v3', () => openZarr(fixture('v3.zarr')));
readerContract('sharded zarr v3', () => openZarr(fixture('v3-sharded.zarr')));
