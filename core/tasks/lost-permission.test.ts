import { expect, it } from 'vitest';
import { fromSystemError } from '../errors.js';
import { fromLostPermission } from './lost-permission.js';

const STAGED = '/base/.obsmith/staging/toy/plan/train/chunk_0/X_gs/attempt-1/array/0.0';
const INPUT = '/base/processed/train/toy/train/chunk_0.zarr/X/data/0';

const denied = (path: string, code = 'EACCES') => Object.assign(new Error(`${code}: open '${path}'`), { code, path });

it.each([
  ['embedChunk', INPUT],
  ['accumulateRound', INPUT],
  ['embedChunk', STAGED],
  ['stageInput', STAGED],
  ['openChunk', '/base/.obsmith/scans/toy/train/chunk_0.json'],
  ['publishArray', '/base/processed_with_emb/train/toy/train/chunk_0.zarr/obsm'],
] as const)('%s without the permission that it had for %s is tried again', (task, path) => {
  for (const error of [denied(path), denied(path, 'EPERM'), fromSystemError(denied(path), path)]) {
    expect(fromLostPermission(error, task)).toMatchObject({
      type: 'StoreUnavailable',
      message: expect.stringMatching(`The permission to access ${path} was lost .*\\((EACCES|EPERM)\\)`),
    });
  }
});

it.each([
  ['scanChunk', INPUT],
  ['openChunk', INPUT],
  ['stageInput', INPUT],
  ['planRun', '/base/.obsmith/plans/p'],
] as const)('%s without a permission for %s that it never had is not', (task, path) => {
  const error = fromSystemError(denied(path), path);
  expect(fromLostPermission(error, task)).toBe(error);
});

it('leaves other errors alone', () => {
  for (const error of [new Error('x'), Object.assign(new Error('gone'), { code: 'ENOENT' }), 'text', null]) {
    expect(fromLostPermission(error, 'embedChunk')).toBe(error);
  }
});
