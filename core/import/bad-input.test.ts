import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAnnData } from '../anndata/open.js';
import { PACKAGE_ROOT } from '../package-root.js';
import { QUIET } from '../tasks/types.js';
import { importFiles } from './import-files.js';
import type { ImportOptions } from './types.js';

const FIXTURES = join(PACKAGE_ROOT, 'test/fixtures/import');

let folder: string;
let base: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'obsmith-bad-import-'));
  base = join(folder, 'base');
  await mkdir(base);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const run = (path: string, options: Partial<ImportOptions> = {}) =>
  importFiles({ base, dataset: 'set', files: [{ path }], trainSplit: null, ...options }, QUIET);

/** Fails with the type and a message that has every part, and leaves no data set. */
async function refused(path: string, parts: string[], options: Partial<ImportOptions> = {}): Promise<void> {
  const error = await run(path, options).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ type: 'InvalidInput', remedy: expect.stringMatching(/\w/) });
  for (const part of parts) expect((error as Error).message).toContain(part);
  expect(await readdir(base)).not.toContain('processed');
}

const BANNER = '%%MatrixMarket matrix coordinate integer general\n';

/** A 10x folder of 2 genes x 3 cells, with its files replaced or (null) left out. */
async function tenxFolder(files: Record<string, string | Uint8Array | null> = {}): Promise<string> {
  const path = join(folder, '10x');
  await mkdir(path, { recursive: true });
  const all: Record<string, string | Uint8Array | null> = {
    'matrix.mtx': `${BANNER}% made by hand\n2 3 4\n1 1 5\n2 1 1\n2 2 7\n1 3 2\n`,
    'genes.tsv': 'ENSG00000000003\tTSPAN6\nENSG00000000005\tTNMD\n',
    'barcodes.tsv': 'AAA\nCCC\nGGG\n',
    ...files,
  };
  for (const [name, content] of Object.entries(all)) if (content !== null) await writeFile(join(path, name), content);
  return path;
}

describe('a 10x folder', () => {
  it('is read as it is: gzip by content, Windows line ends, entries in any order', async () => {
    const path = await tenxFolder({
      'matrix.mtx': null,
      'matrix.mtx.gz': gzipSync(`${BANNER}2 3 4\r\n1 3 2\r\n2 1 1\r\n1 1 5\r\n2 2 7\r\n`),
      '._matrix.mtx': 'stray',
      'barcodes.tsv': 'AAA\r\nCCC\r\nGGG\r\n',
    });
    const report = await run(path);
    const store = await openAnnData(join(base, report.chunks[0]!.path));
    expect(await store.names('obs')).toEqual(['AAA', 'CCC', 'GGG']);
    for await (const block of store.rowBlocks('layers/counts')) {
      expect(block).toMatchObject({
        indptr: Int32Array.of(0, 2, 3, 4),
        indices: Int32Array.of(0, 1, 1, 0),
        values: Int32Array.of(5, 1, 7, 2),
      });
    }
  });

  it.each([
    ['a file is missing', { 'barcodes.tsv': null }, ['no barcodes.tsv']],
    ['the matrix is there twice', { 'matrix.mtx.gz': gzipSync(BANNER) }, ['several matrix files', 'matrix.mtx.gz']],
    ['barcodes are too few', { 'barcodes.tsv': 'AAA\n' }, ['2 features x 3 barcodes', 'barcodes.tsv has 1']],
    [
      'the format is another',
      { 'matrix.mtx': '%%MatrixMarket matrix array real general\n2 3\n' },
      ['array real general'],
    ],
    ['entries are missing', { 'matrix.mtx': `${BANNER}2 3 4\n1 1 5\n` }, ['has 1 entries', 'promises 4']],
    ['a line is damaged', { 'matrix.mtx': `${BANNER}2 3 1\n1 x 5\n` }, ['line 3', '"1 x 5"']],
    ['a value has no digits', { 'matrix.mtx': `${BANNER}2 3 1\n1 1\n` }, ['line 3', '"1 1"']],
    ['a row is out of range', { 'matrix.mtx': `${BANNER}2 3 1\n3 1 5\n` }, ['line 3', 'within 2 x 3']],
    ['an entry is there twice', { 'matrix.mtx': `${BANNER}2 3 2\n1 1 5\n1 1 5\n` }, ['cell 0', 'several entries']],
    [
      'the gzip is truncated',
      { 'matrix.mtx': gzipSync(`${BANNER}2 3 1\n1 1 5\n`).subarray(0, 40) },
      ['truncated gzip'],
    ],
    [
      'the counts are fractional',
      { 'matrix.mtx': `${BANNER.replace('integer', 'real')}2 3 2\n1 1 0.5\n2 1 1.25\n` },
      ['fractional'],
    ],
    [
      'values are negative',
      { 'matrix.mtx': `${BANNER}2 3 1\n1 1 -5\n` },
      ['negative value -5 at cell 0, column 0', 'scaled'],
    ],
  ])('is refused where %s', async (_, files, parts) => refused(await tenxFolder(files), parts));
});

describe('importFiles refuses', () => {
  it('what is not there, or nothing that can be imported, naming all files', async () => {
    const text = join(folder, 'text.h5ad');
    await writeFile(text, 'no HDF5');
    const empty = join(folder, 'empty');
    await mkdir(empty);
    const files = [{ path: join(folder, 'absent.h5ad') }, { path: text }, { path: empty }];
    await expect(run('', { files })).rejects.toMatchObject({
      type: 'InvalidInput',
      message: '3 files cannot be imported',
      problems: [
        { message: `Input file not found: ${files[0]!.path}` },
        { message: expect.stringContaining('neither HDF5') },
        { message: expect.stringContaining('without matrix.mtx') },
      ],
    });
  });

  it('a truncated h5ad, a truncated 10x file and a truncated archive', async () => {
    for (const [name, parts] of [
      ['raw_more_genes.h5ad', ['damaged HDF5']],
      ['scanpy_10x_v3.h5', ['damaged HDF5']],
      ['pbmc10k_mtx.tar.gz', ['truncated']],
    ] as const) {
      const path = join(folder, name);
      const content = await readFile(join(FIXTURES, name));
      await writeFile(path, content.subarray(0, content.length / 2));
      await refused(path, [...parts]);
    }
  });

  it('a file without raw counts, saying why each matrix is none', async () => {
    const path = join(FIXTURES, 'scaled.h5ad');
    await refused(path, ['No raw counts found', 'X: negative value', 'layers/counts: NaN at cell 1, column 2']);
    await refused(path, ['layers/normalised', 'fractional'], { countLayerKey: 'normalised' });
    await refused(path, ['no layer "absent"', 'it has: counts, normalised'], { countLayerKey: 'absent' });
  });

  it('filters that leave nothing, and a file without cells', async () => {
    await refused(await tenxFolder(), ['0 of 3 cells'], { minGenes: 3 });
    await refused(await tenxFolder(), ['0 of 2 genes'], { minCells: 4 });
    const none = await tenxFolder({ 'matrix.mtx': `${BANNER}2 0 0\n`, 'barcodes.tsv': '' });
    await refused(none, ['0 of 0 cells']);
  });

  it('wrong options, all at once, before it looks at files', async () => {
    const options = {
      dataset: '../up',
      chunkCells: 0,
      minGenes: -1,
      minCells: 1.5,
      trainSplit: 1,
      seed: -3,
      files: [],
    };
    await expect(run('', options)).rejects.toMatchObject({
      type: 'InvalidConfig',
      message: '7 import options are wrong',
    });
    const twice = [{ path: 'a.h5ad' }, { path: 'a.h5ad' }];
    await expect(run('', { files: twice })).rejects.toMatchObject({ message: 'a.h5ad is given twice' });
    const mixed = [
      { path: 'a.h5ad', split: 'train' as const },
      { path: 'b.h5ad', split: 'all' as const },
    ];
    await expect(run('', { files: mixed })).rejects.toMatchObject({
      message: expect.stringContaining('one or the other'),
    });
  });

  it('nothing is made where nothing can be imported', async () => {
    const base = join(folder, 'absent');
    await expect(run('x.h5ad', { base })).rejects.toMatchObject({ type: 'InvalidInput' });
    expect(existsSync(base)).toBe(false);
  });
});
