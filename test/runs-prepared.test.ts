import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { commandLine } from './command-line.js';
import { GENEFORMER, geneformerReference, SCVI, TINY_MODELS } from './models-dataset.js';
import { embedding, type SmallDataset, smallDataset } from './small-dataset.js';

/** Every run starts a server and two workers. */
vi.setConfig({ testTimeout: 120_000 });

const PBMC = 'pbmc-24/chunk_0.zarr';
const DEVICE = { OBSMITH_DEVICE: 'cpu' };

let dataset: SmallDataset;
beforeAll(async () => {
  dataset = await smallDataset(
    { 'train/chunk_0.zarr': PBMC, 'val/chunk_0.zarr': PBMC },
    TINY_MODELS + SCVI + GENEFORMER,
  );
});
afterAll(() => dataset.remove());

/** Token files with what tells whether they were made anew. */
async function tokenFiles(): Promise<Record<string, string>> {
  const folder = join(dataset.base, '.obsmith/prepared/toy');
  const files: Record<string, string> = {};
  for (const name of (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.tokens'))) {
    const { ino, mtimeNs } = await stat(join(folder, name), { bigint: true });
    files[name] = `${ino} ${mtimeNs}`;
  }
  return files;
}

/** What the last run's journal says of a method on a chunk. */
async function journalOf(chunk: string, method: string): Promise<Record<string, unknown>> {
  const runs = join(dataset.base, '.obsmith/journal');
  const last = (await readdir(runs)).sort().at(-1)!;
  return JSON.parse(await readFile(join(runs, last, `${chunk}.unfitted.json`), 'utf8')).methods[method];
}

describe('models through the commands', () => {
  let made: Record<string, string>;

  it('--prepare-only makes tokens, with no worker of the GPU queue and nothing in the outputs', async () => {
    const { code, out, err } = await commandLine(['run', dataset.config, '--prepare-only', '--json']);
    expect(code).toBe(0);
    expect(err).not.toContain('worker gpu');
    const counts = { computed: 2, skipped: 0, failed: 0, cancelled: 0, cells: 48 };
    expect(JSON.parse(out)).toMatchObject({
      status: 'completed',
      methods: { geneformer: counts, 'geneformer-v1': counts },
      outputs: [],
    });
    expect((await readdir(dataset.base)).sort()).toEqual(['.obsmith', 'processed', 'toy.yaml']);
    made = await tokenFiles();
    expect(Object.keys(made)).toHaveLength(4);
  });

  it('again says that everything is there', async () => {
    const { code, out } = await commandLine(['run', dataset.config, '--prepare-only']);
    expect(code).toBe(0);
    expect(out).toContain('Everything is prepared already.');
    expect(out).toMatch(/train\/chunk_0 +geneformer +24 .*done before/);
  });

  it('the run finds the tokens, embeds on a worker of the GPU queue with the CPU as its device, and verifies', async () => {
    const { code, out } = await commandLine(['run', dataset.config, '--json'], DEVICE);
    expect(code).toBe(0);
    const { status, methods } = JSON.parse(out);
    expect(status).toBe('completed');
    expect(methods).toMatchObject({
      scvi_fm: { computed: 2 },
      geneformer: { computed: 2 },
      'geneformer-v1': { computed: 2 },
    });
    expect(await tokenFiles()).toEqual(made);
    expect(await journalOf('val/chunk_0', 'geneformer')).toMatchObject({
      state: 'computed',
      preparation: { computed: false },
    });
    const found = await embedding(dataset.output('val/chunk_0'), 'X_geneformer');
    const expected = await geneformerReference('geneformer-tiny', 'cls');
    const worst = expected.reduce((most, value, at) => Math.max(most, Math.abs(value - found[at]!)), 0);
    expect(worst).toBeLessThan(1e-5);
    const verified = await commandLine(['verify', 'outputs', dataset.config, '--json']);
    expect([verified.code, JSON.parse(verified.out).problems]).toEqual([0, []]);
  });
});
