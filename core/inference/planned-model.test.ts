import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadBundle } from './bundle/load.js';
import { loadPlannedModel, plannedModel } from './planned-model.js';

const TINY = fileURLToPath(new URL('../../test/fixtures/models/scvi-tiny', import.meta.url));

let base: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-planned-'));
});
afterEach(() => rm(base, { recursive: true }));

/** A bundle of its own id, so that no thread has it yet. */
async function bundleIn(folder: string, id: string): Promise<string> {
  const target = join(base, folder, id);
  await cp(TINY, target, { recursive: true });
  const file = join(target, 'bundle.json');
  await writeFile(file, (await readFile(file, 'utf8')).replace('"scvi-tiny"', `"${id}"`));
  return target;
}

it('is found below a base folder that another machine mounts elsewhere', async () => {
  const planned = plannedModel(await loadBundle(await bundleIn('there/models', 'moved')), join(base, 'there'));
  expect(planned.folder).toBe(join('models', 'moved'));
  await cp(join(base, 'there'), join(base, 'here'), { recursive: true });
  await rm(join(base, 'there'), { recursive: true });
  const bundle = await loadPlannedModel(planned, join(base, 'here'), {});
  expect(bundle).toMatchObject({ id: 'moved', sha256: planned.sha256, folder: join(base, 'here/models/moved') });
});

it("is found by its id in the worker's own models folder", async () => {
  const planned = { ...plannedModel(await loadBundle(await bundleIn('own', 'mine')), base), folder: '/not/here' };
  const env = { OBSMITH_MODELS: join(base, 'own') };
  expect(await loadPlannedModel(planned, base, env)).toMatchObject({ folder: join(base, 'own/mine') });
});

it('is never another bundle of the same id', async () => {
  const folder = await bundleIn('own', 'other');
  const planned = { id: 'other', sha256: '0'.repeat(64), folder };
  const found = await loadPlannedModel(planned, base, { OBSMITH_MODELS: join(base, 'nothing') }).catch(
    (error) => error,
  );
  expect(found).toMatchObject({ type: 'MissingModel', message: expect.stringContaining(`another one in ${folder}`) });
  expect(found.message).toContain(join(base, 'nothing/other'));
});
