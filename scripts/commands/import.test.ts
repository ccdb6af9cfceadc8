import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../core/package-root.js';
import { obsmithIn } from '../../test/in-process-cli.js';

const FILES = ['pbmc_5k_protein_v3.h5ad', 'pbmc_10k_protein_v3.h5ad'].map((name) =>
  join(PACKAGE_ROOT, 'resources/demo', name),
);

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-import-'));
});
afterEach(() => rm(base, { recursive: true }));

async function importing(...argv: string[]): Promise<{ code: number; document: Record<string, never> }> {
  const { code, out } = await obsmithIn(base, {}, ['import', '--dataset', 'd', '--base', base, '--json', ...argv]);
  return { code, document: JSON.parse(out) };
}

describe('obsmith import', () => {
  it('puts all cells of a file into the split that it is named for', async () => {
    const { code, document } = await importing('--train', FILES[0]!, '--val', FILES[1]!);
    expect(code).toBe(0);
    const chunks = document.chunks as unknown as { name: string; cells: number; file: string }[];
    expect(chunks.map(({ name, cells, file }) => [name, cells, basename(file)])).toEqual([
      ['train/chunk_0', 200, basename(FILES[0]!)],
      ['val/chunk_0', 200, basename(FILES[1]!)],
    ]);
  });

  it('divides the other files at random beside them', async () => {
    const { document } = await importing(FILES[0]!, '--val', FILES[1]!);
    const chunks = document.chunks as unknown as { name: string; cells: number }[];
    expect(chunks.map(({ name, cells }) => [name, cells])).toEqual([
      ['train/chunk_0', 180],
      ['val/chunk_0', 20],
      ['val/chunk_1', 200],
    ]);
  });

  it('refuses to run without a file, and a split file where there are no splits', async () => {
    for (const argv of [[], ['--no-split', '--train', FILES[0]!]]) {
      const { code, document } = await importing(...argv);
      expect([code, (document.error as unknown as { type: string }).type]).toEqual([2, 'InvalidConfig']);
    }
  });
});
