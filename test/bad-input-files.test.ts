import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fixture, type SmallDataset, smallDataset } from './small-dataset.js';

const PBMC = 'pbmc-24/chunk_0.zarr';
const CHUNKS = { 'train/chunk_0.zarr': PBMC, 'train/chunk_1.zarr': PBMC, 'val/chunk_0.zarr': PBMC };
const METHODS = 'embedding_cpu: { methods: [gs, hvg], embedding_dim_map: { hvg: 64 } }\n';
const REPAIR =
  /Restore the file from its source|Copy or download the file again|Give an \.h5ad file|copy the file again|copy the whole folder/;

let dataset: SmallDataset;
let bad: string;
beforeEach(async () => {
  dataset = await smallDataset(CHUNKS, `max_failed_chunks: 1\n${METHODS}`);
  bad = dataset.input('train/chunk_1.zarr');
});
afterEach(() => dataset.remove());

const halve = async (path: string): Promise<void> => truncate(path, Math.floor((await readFile(path)).length / 2));

async function flipByte(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at] = bytes[at]! ^ 0xff;
  await writeFile(path, bytes);
}

async function replaceByH5ad(bytes: Buffer): Promise<void> {
  await rm(bad, { recursive: true });
  await writeFile(dataset.input('train/chunk_1.h5ad'), bytes);
}

/** An h5ad whose X/data is one gzip block, with a bit of that block flipped. */
async function corruptGzip(): Promise<void> {
  const bytes = await readFile(fixture('reader/gzip.h5ad'));
  for (let at = bytes.indexOf(ZLIB_HEADER); at >= 0; at = bytes.indexOf(ZLIB_HEADER, at + 1)) {
    bytes.fill(0xff, at + 8, at + 16);
  }
  await replaceByH5ad(bytes);
}

const ZLIB_HEADER = Buffer.from([0x78, 0x5e]);

const DAMAGE: [string, () => Promise<unknown>, RegExp][] = [
  [
    'a truncated zarr chunk',
    () => halve(join(bad, 'X/data/0')),
    /chunk 0 of X\/data .*is corrupt: Blosc header promises/,
  ],
  ['a corrupt Blosc block', () => flipByte(join(bad, 'X/data/0'), 4), /chunk 0 of X\/data .*is corrupt/],
  ['an absent zarr chunk of X', () => rm(join(bad, 'X/indices/0')), /chunk 0 of X\/indices .*is missing/],
  ['metadata that is not JSON', () => writeFile(join(bad, 'X/.zattrs'), '{"sh'), /X\/\.zattrs is not valid JSON/],
  [
    'no zarr store in the folder',
    () => rm(join(bad, '.zgroup')),
    /is not a zarr store: expected \.zgroup or zarr\.json/,
  ],
  [
    'a file where the store should be',
    async () => {
      await rm(bad, { recursive: true });
      await writeFile(bad, 'an archive');
    },
    /is a file, but a zarr store is a folder.*copy the whole folder/,
  ],
  ['an h5ad that is not HDF5', () => replaceByH5ad(Buffer.from('<html>')), /is not an HDF5 file/],
  [
    'an h5ad that is cut off',
    async () => replaceByH5ad((await readFile(fixture('reader/plain.h5ad'))).subarray(0, 50_000)),
    /is a truncated or damaged HDF5 file/,
  ],
  ['a corrupt gzip block in an h5ad', corruptGzip, /\.h5ad: \S+ cannot be decoded: .*(corrupt|damaged)/],
];

describe('a chunk with', () => {
  it.each(DAMAGE)(
    '%s fails alone, and the fit goes without it where max_failed_chunks allows',
    async (_, damage, message) => {
      await damage();
      const { status, chunks, failures } = await dataset.run();
      expect(status).toBe('partial');
      expect(chunks).toMatchObject({ total: 3, completed: 2, failed: 1 });
      expect(failures.map(({ chunk, method }) => `${chunk} ${method}`)).toEqual([
        'train/chunk_1 gs',
        'train/chunk_1 hvg',
      ]);
      for (const failure of failures) {
        expect(failure.type).toBe('InvalidInput');
        expect(failure.message).toMatch(message);
        expect(failure.message).toMatch(REPAIR);
        expect(failure.message).toContain('train/chunk_1');
      }
      await dataset.expectVisible({ 'train/chunk_0': ['X_gs', 'X_hvg'], 'val/chunk_0': ['X_gs', 'X_hvg'] });
    },
  );
});

it('without max_failed_chunks, a damaged chunk of the fitted splits fails fitted methods by its name; others go on', async () => {
  await dataset.configure(METHODS);
  await halve(join(bad, 'X/data/0'));
  const { status, failures, methods } = await dataset.run();
  expect(status).toBe('failed');
  expect(methods).toMatchObject({ gs: { computed: 2, failed: 1 }, hvg: { computed: 0, failed: 3 } });
  for (const { type, message } of failures.filter(({ method }) => method === 'hvg')) {
    expect(type).toBe('InvalidInput');
    expect(message).toMatch(/Statistics need all 2 chunks .*train\/chunk_1.*max_failed_chunks/);
  }
  await dataset.expectVisible({ 'train/chunk_0': ['X_gs'], 'val/chunk_0': ['X_gs'] });
});

it('a repaired chunk is computed by the next run, and nothing else that is unfitted', async () => {
  await dataset.configure(METHODS);
  const file = join(bad, 'X/data/0');
  const bytes = await readFile(file);
  await halve(file);
  await dataset.run();
  await writeFile(file, bytes);
  const { status, methods } = await dataset.run();
  expect(status).toBe('completed');
  expect(methods).toMatchObject({ gs: { computed: 1, skipped: 2 }, hvg: { computed: 3, failed: 0 } });
  const arrays = ['X_gs', 'X_hvg'];
  await dataset.expectVisible({ 'train/chunk_0': arrays, 'train/chunk_1': arrays, 'val/chunk_0': arrays });
});
