import { fixture, readerContract } from '../reader.contract.js';
import { openH5ad } from './reader.js';

readerContract('h5ad without compression', () => openH5ad(fixture('plain.h5ad')));
readerContract('h5ad with gzip', () => openH5ad(fixture('gzip.h5ad')));
readerContract('h5ad with lzf', () => openH5ad(fixture('lzf.h5ad')));
