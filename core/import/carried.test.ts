import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Node, nodesOf } from '../../test/zarr-nodes.js';
import { copyToZarr } from '../anndata/copy.js';
import { PACKAGE_ROOT } from '../package-root.js';
import { QUIET } from '../tasks/types.js';
import { importFiles } from './import-files.js';
import { planCarried } from './plan-carried.js';
import type { ImportOptions, ImportReport } from './types.js';

const FIXTURES = join(PACKAGE_ROOT, 'test/fixtures');
const CARRIED = join(FIXTURES, 'import/carried.h5ad');
const GROUPS = ['layers', 'obsm', 'varm', 'uns', 'raw'];

type Nodes = Record<string, Node>;
/** Of cells 0-3 and 4-6; see test/oracle/import_carried.py. */
const expected = JSON.parse(await readFile(join(FIXTURES, 'import/carried.json'), 'utf8')) as Record<string, Nodes[]>;

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-carried-'));
});
afterEach(() => rm(base, { recursive: true, force: true }));

const run = (path: string, options: Partial<ImportOptions> = {}): Promise<ImportReport> =>
  importFiles({ base, dataset: 'set', files: [{ path }], trainSplit: null, overwrite: true, ...options }, QUIET);

const chunkNodes = (report: ImportReport): Promise<Nodes[]> =>
  Promise.all(report.chunks.map(({ path }) => nodesOf(join(base, path), '')));

/** Nodes of carried groups, and the columns of obs that the input has; counts are import's own. */
function carriedIn(nodes: Nodes, columns: readonly string[]): Nodes {
  const isCarried = (path: string): boolean => {
    const [group, name] = path.split('/');
    if (group === 'obs') return name !== undefined && columns.includes(name);
    return GROUPS.includes(group!) && !(group === 'layers' && name === 'counts');
  };
  return Object.fromEntries(Object.entries(nodes).filter(([path]) => isCarried(path)));
}

const COLUMNS = ['_index', 'type', 'huge', 'age', 'smoker', 'note', 'half'];

describe('import of an h5ad file', () => {
  it.each([
    ['all', 0],
    ['without g3', 2],
  ])('carries over what anndata takes of it by cells and genes (%s)', async (name, minCells) => {
    const report = await run(CARRIED, { chunkCells: 4, minCells });
    const found = await chunkNodes(report);
    expect(found).toHaveLength(2);
    found.forEach((nodes, chunk) => {
      const carried = carriedIn(nodes, COLUMNS);
      const wanted = expected[name]![chunk]!;
      expect(Object.keys(carried).sort()).toEqual(Object.keys(wanted).sort());
      for (const [path, node] of Object.entries(wanted)) expect({ path, ...carried[path] }).toEqual({ path, ...node });
    });
    expect(report.files[0]!.leftOut.map(({ element }) => element)).toEqual(['obsp/near', 'varp/near']);
    expect(report.files[0]!.carried).toContain('layers/columns');
  });

  it('divides it by a random split, too: every cell has its own rows', async () => {
    const whole = (await chunkNodes(await run(CARRIED)))[0]!;
    const report = await run(CARRIED, { trainSplit: 0.5, chunkCells: 2 });
    const parts = await chunkNodes(report);
    const rowsOf = (nodes: Nodes): Map<unknown, unknown> => {
      const values = (path: string) => nodes[path]!.values as unknown[];
      const umap = values('obsm/X_umap');
      return new Map(
        values('obs/_index').map((cell, row) => [cell, [umap.slice(2 * row, 2 * row + 2), values('obs/huge')[row]]]),
      );
    };
    const all = parts.flatMap((nodes) => [...rowsOf(nodes)]);
    expect(all).toHaveLength(7);
    expect(new Map(all.sort())).toEqual(new Map([...rowsOf(whole)].sort()));
  });
});

describe('import of zarr stores', () => {
  it('carries over the same from zarr v2 as from the h5ad file that it was made of', async () => {
    const store = join(base, 'copy.zarr');
    await copyToZarr(CARRIED, store, QUIET);
    const fromFile = await chunkNodes(await run(CARRIED, { chunkCells: 4, minCells: 2 }));
    // Integers beyond 2^53 are read from zarr as numbers, which hold no more.
    for (const path of ['obs/huge', 'obsm/frame/huge']) await cp(join(store, 'obs/half'), join(store, path), OVER);
    const fromStore = await chunkNodes(await run(store, { chunkCells: 4, minCells: 2 }));
    const others = (nodes: Nodes) => Object.entries(nodes).filter(([path]) => !/\/huge$/.test(path));
    expect(fromStore.map(others)).toEqual(fromFile.map(others));
  });

  it.each(['v2.zarr', 'v3.zarr', 'v3-sharded.zarr'])('reads %s as the h5ad file of the same data', async (name) => {
    const [fromFile, fromStore] = [
      await run(join(FIXTURES, 'reader/plain.h5ad'), { dataset: 'file', chunkCells: 25 }),
      await run(join(FIXTURES, 'reader', name), { dataset: 'store', chunkCells: 25 }),
    ];
    expect(fromStore.files[0]!.carried).toEqual(fromFile.files[0]!.carried);
    expect(await chunkNodes(fromStore)).toEqual(await chunkNodes(fromFile));
  });
});

const OVER = { recursive: true, force: true };

describe('planCarried', () => {
  const keys = (group: string): string[] =>
    ({ layers: ['counts', 'scaled'], obsm: ['X_umap'], varm: ['PCs'], 'raw/varm': ['PCs', 'raw'], raw: ['X', 'var'] })[
      group
    ] ?? [];

  it('takes nothing by the genes of var where chunks have those of raw', () => {
    expect(planCarried({ keys, counts: 'raw/X', genesAre: 'raw', hasX: true })).toEqual([
      { element: 'X', reason: expect.stringContaining('raw/X holds the raw counts') },
      { element: 'layers/counts', reason: expect.stringContaining('made of raw/X') },
      { element: 'layers/scaled', reason: expect.stringContaining('genes of var') },
      { from: 'obsm/X_umap', to: 'obsm/X_umap', divided: 'cells' },
      { element: 'varm/PCs', reason: expect.stringContaining('genes of var') },
      { from: 'raw/varm/PCs', to: 'varm/PCs', divided: 'genes' },
      { from: 'raw/varm/raw', to: 'varm/raw', divided: 'genes' },
    ]);
  });

  it('takes both where raw has the same genes', () => {
    expect(planCarried({ keys, counts: 'raw/X', genesAre: 'both', hasX: false })).toEqual([
      { element: 'layers/counts', reason: expect.any(String) },
      { from: 'layers/scaled', to: 'layers/scaled', divided: 'cells and genes' },
      { from: 'obsm/X_umap', to: 'obsm/X_umap', divided: 'cells' },
      { from: 'varm/PCs', to: 'varm/PCs', divided: 'genes' },
      { from: 'raw/varm/raw', to: 'varm/raw', divided: 'genes' },
    ]);
  });
});
