import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  claim,
  filesBelow,
  GS,
  PCA,
  provenanceFor,
  publish,
  type Sandbox,
  sandbox,
  stageAndSeal,
  writeBlocks,
} from '../../../test/publishing.js';
import { QUIET } from '../../tasks/types.js';
import { summarizeRows } from '../obsm/rows-summary.js';
import { readNode } from '../zarr/metadata.js';
import { writtenRows } from './written-rows.js';

let box: Sandbox;
afterEach(() => box.remove());

async function sealedAttempt(key = GS.key): Promise<string> {
  const [attempt] = await readdir(join(box.staging, key));
  return join(box.staging, key, attempt!);
}

describe.each(['v2.zarr', 'v3.zarr'])('what was written into %s', (fixture) => {
  beforeEach(async () => {
    box = await sandbox(fixture);
  });
  const version = fixture === 'v2.zarr' ? 2 : 3;
  const block = (attempt: string, index: number) =>
    join(attempt, 'array', version === 2 ? `${index}.0` : `c/${index}/0`);
  const nodeOf = (attempt: string) => {
    const node = readNode(attempt, version, 'array');
    if (node?.kind !== 'array') throw new Error('no array');
    return node;
  };

  it('is what decoding the files finds', async () => {
    await stageAndSeal(box, GS);
    const attempt = await sealedAttempt();
    const node = nodeOf(attempt);
    const found = await writtenRows(attempt, node, QUIET);
    expect(found).not.toBeNull();
    expect(await summarizeRows(node, QUIET)).toMatchObject(found!);
  });

  it('is believed only while every file is the same', async () => {
    await stageAndSeal(box, GS);
    const attempt = await sealedAttempt();
    const node = nodeOf(attempt);
    const file = block(attempt, 2);
    const content = await readFile(file);
    await writeFile(
      file,
      content.map((byte, at) => (at === content.length - 1 ? byte ^ 1 : byte)),
    );
    expect(await writtenRows(attempt, node, QUIET)).toBeNull();
    await rm(file);
    expect(await writtenRows(attempt, node, QUIET)).toBeNull();
    await expect(publish(box, GS)).rejects.toMatchObject({ type: 'InvalidInput' });
  });

  it('is not kept where an earlier attempt wrote blocks, and the published array is the same', async () => {
    await stageAndSeal(box, GS);
    await publish(box, GS);
    const whole = await filesBelow(join(box.output, 'obsm/X_gs'));
    await box.remove();
    box = await sandbox(fixture);
    await writeBlocks(await claim(box, GS, 'first'), GS, 2);
    const resumed = await claim(box, GS, 'embed-1');
    await writeBlocks(resumed, GS);
    await resumed.seal(provenanceFor(GS));
    const attempt = await sealedAttempt();
    expect(await writtenRows(attempt, nodeOf(attempt), QUIET)).toBeNull();
    await stageAndSeal(box, PCA);
    await publish(box, GS);
    expect(await filesBelow(join(box.output, 'obsm/X_gs'))).toEqual(whole);
  });
});
