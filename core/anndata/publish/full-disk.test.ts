import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  CHUNK,
  claim,
  filesBelow,
  GS,
  PCA,
  provenanceFor,
  publish,
  type Sandbox,
  STAGING,
  sandbox,
  stageAndSeal,
  valuesOf,
  writeBlocks,
} from '../../../test/publishing.js';
import { QUIET } from '../../tasks/types.js';
import { stageInput } from './stage-input.js';

/** Set: files whose path matches fail with this code when they are opened for writing. */
const failing = vi.hoisted(() => ({ code: '', path: /^$/ }));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const open: typeof real.open = async (path, flags, mode) => {
    if (failing.code !== '' && flags === 'wx' && failing.path.test(String(path))) {
      throw Object.assign(new Error(`${failing.code}: injected, open '${String(path)}'`), { code: failing.code });
    }
    return real.open(path, flags, mode);
  };
  return { ...real, open };
});

describe.each(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO'])('%s', (code) => {
  let box: Sandbox;
  beforeEach(async () => {
    box = await sandbox();
  });
  afterEach(async () => {
    failing.code = '';
    await box.remove();
  });
  const unavailable = { type: 'StoreUnavailable', message: expect.stringContaining(code) };

  it('while a block is written is StoreUnavailable, and a retry goes on after the blocks before it', async () => {
    const staged = await claim(box, PCA);
    await writeBlocks(staged, PCA, 2);
    Object.assign(failing, { code, path: /\.partial$/ });
    await expect(staged.writeBlock(2, valuesOf(PCA).subarray(32 * PCA.dim, 48 * PCA.dim))).rejects.toMatchObject(
      unavailable,
    );
    failing.code = '';
    const files = Object.keys(await filesBelow(box.staging));
    expect(files.some((name) => name.endsWith('.partial'))).toBe(false);
    expect((await claim(box, PCA, 'retry')).done).toEqual(new Set([0, 1]));
  });

  it('while an array is sealed is StoreUnavailable, and a retry seals it', async () => {
    const staged = await claim(box, PCA);
    await writeBlocks(staged, PCA);
    Object.assign(failing, { code, path: /zattrs/ });
    await expect(staged.seal(provenanceFor(PCA))).rejects.toMatchObject(unavailable);
    failing.code = '';
    await stageAndSeal(box, PCA, 'retry');
    await expect(publish(box, PCA)).resolves.toMatchObject({ digest: expect.any(String) });
  });

  it('while metadata is consolidated leaves the output as it was, and a retry ends with the same files', async () => {
    await stageAndSeal(box, PCA);
    await publish(box, PCA);
    await stageAndSeal(box, GS);
    const before = await filesBelow(box.output);
    Object.assign(failing, { code, path: /zmetadata/ });
    await expect(publish(box, GS)).rejects.toMatchObject(unavailable);
    failing.code = '';
    const between = await filesBelow(box.output);
    expect(between['.zmetadata']).toBe(before['.zmetadata']);
    await publish(box, GS, 'retry');
    const after = await filesBelow(box.output);
    const reference = await sandbox();
    try {
      for (const embedding of [PCA, GS]) {
        await stageAndSeal(reference, embedding);
        await publish(reference, embedding);
      }
      expect(after).toEqual(await filesBelow(reference.output));
    } finally {
      await reference.remove();
    }
  });

  it('while the input is copied is StoreUnavailable, and nothing of the copy counts', async () => {
    Object.assign(failing, { code, path: /copy-.*zmetadata/ });
    await expect(stageInput({ base: box.base, chunk: CHUNK, staging: STAGING }, QUIET)).rejects.toMatchObject(
      unavailable,
    );
    failing.code = '';
    expect(await filesBelow(box.staging)).toEqual({});
    await stageInput({ base: box.base, chunk: CHUNK, staging: STAGING }, QUIET);
    expect(Object.keys(await filesBelow(box.staging))).toContain('store.zarr/.zmetadata');
  });
});
