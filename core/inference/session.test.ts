import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openSession } from './session.js';

const TINY = fileURLToPath(new URL('../../test/fixtures/models/scvi-tiny/model.onnx', import.meta.url));
const GENES = 300;
const DIM = 50;

const graph = (sha256 = 'tiny') => ({ path: TINY, sha256 });
const counts = (rows: number) => ({ log1p: { data: new Float32Array(rows * GENES), dims: [rows, GENES] } });

it('runs batches and tells shapes', async () => {
  const session = await openSession(graph(), 'cpu');
  expect(session.shapes.get('log1p')?.[1]).toBe(GENES);
  expect(session.shapes.get('latent')?.[1]).toBe(DIM);
  const { latent } = await session.run(counts(3));
  expect(latent).toHaveLength(3 * DIM);
  expect(latent!.some((value) => value !== 0)).toBe(true);
});

it('keeps sessions open while others are opened and closed', async () => {
  const first = await openSession(graph('a'), 'cpu');
  for (const sha256 of ['b', 'c', 'd']) await (await openSession(graph(sha256), 'cpu')).run(counts(1));
  const again = await openSession(graph('a'), 'cpu');
  expect((await again.run(counts(1))).latent).toHaveLength(DIM);
  expect(first.shapes).toEqual(again.shapes);
});

it.each(['cuda:99', 'webgpu'] as const)('never runs on the CPU what was meant for %s', async (device) => {
  // A machine with a GPU and its Vulkan driver may open webgpu; then it must be that device that answers.
  const opened = await openSession(graph(), device).catch((error: unknown) => error);
  if (device === 'webgpu' && !(opened instanceof Error)) return;
  expect(opened).toMatchObject({
    type: 'InvalidConfig',
    message: expect.stringContaining(`Device ${device} cannot be used`),
    remedy: expect.stringContaining('--device cpu'),
  });
});

it('names the file that is no graph', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'obsmith-session-'));
  try {
    const path = join(folder, 'model.onnx');
    await writeFile(path, 'not a graph');
    await expect(openSession({ path, sha256: 'broken' }, 'cpu')).rejects.toMatchObject({
      type: 'MissingModel',
      message: expect.stringContaining(path),
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('says which graph refused its input', async () => {
  const session = await openSession(graph(), 'cpu');
  const feeds = { log1p: { data: new Float32Array(GENES - 1), dims: [1, GENES - 1] } };
  await expect(session.run(feeds)).rejects.toMatchObject({ type: 'Internal', message: expect.stringContaining(TINY) });
});
