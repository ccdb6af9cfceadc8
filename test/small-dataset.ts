import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { listedKeys } from '../core/anndata/obsm/listing.js';
import { embeddingRows, readObsmNode } from '../core/anndata/obsm/obsm-array.js';
import { verifyOutputs } from '../core/dataset/verify-outputs.js';
import type { RunRequest } from '../core/plan/types.js';
import { QUIET } from '../core/tasks/types.js';
import { type CommandEnd, obsmithIn } from './in-process-cli.js';
import { runInProcess } from './run-in-process.js';

export const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

/** In memory where the system offers it: published files are synced to disk. */
const TEMPORARY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A base folder with the data set `toy` and its configuration. */
export class SmallDataset {
  readonly base: string;

  constructor(base: string) {
    this.base = base;
  }

  get config(): string {
    return join(this.base, 'toy.yaml');
  }

  /** "train/chunk_1.zarr" -> its absolute path below processed/. */
  input(file: string): string {
    return join(this.base, 'processed/train/toy', file);
  }

  output(chunk: string): string {
    return join(this.base, 'processed_with_emb/train/toy', `${chunk}.zarr`);
  }

  /** `yaml` stands below data set and base folder. */
  async configure(yaml: string, name = 'toy'): Promise<void> {
    const head = `dataset: { name: ${name} }\nbase_file_path: ${JSON.stringify(this.base)}\n`;
    await writeFile(this.config, head + yaml);
  }

  run(request: Omit<RunRequest, 'config'> = {}): ReturnType<typeof runInProcess> {
    return runInProcess({ config: this.config, ...request }, this.base);
  }

  cli(...argv: string[]): Promise<CommandEnd> {
    return obsmithIn(this.base, { ...process.env, BASE_FILE_PATH: this.base }, argv);
  }

  /**
   * All that a reader can see: complete stores with exactly these arrays (of ours, on disk and listed alike), whole from
   * beginning to end; and in staging no folder but those of checkpoints.
   */
  async expectVisible(arrays: Readonly<Record<string, readonly string[]>>): Promise<void> {
    const root = join(this.base, 'processed_with_emb/train/toy');
    const stores = await entriesAt(root, 2);
    expect(stores.filter((name) => name !== 'dataset.json')).toEqual(
      Object.keys(arrays)
        .map((chunk) => `${chunk}.zarr`)
        .sort(),
    );
    for (const [chunk, keys] of Object.entries(arrays)) {
      const store = this.output(chunk);
      const onDisk = (await readdir(join(store, 'obsm'))).filter((name) => !/^\.z|^zarr\.json$/.test(name));
      expect(onDisk.sort()).toEqual([...keys].sort());
      expect([...listedKeys(store)!].sort()).toEqual([...keys].sort());
    }
    const verified = await verifyOutputs(
      Object.keys(arrays).map((name) => ({ name, input: null, output: this.output(name) })),
      QUIET,
    );
    expect(verified.flatMap(({ problems }) => problems)).toEqual([]);
    expect(await this.halfWritten()).toEqual([]);
  }

  /** Files with a name of something unfinished, anywhere but among the logs. */
  private async halfWritten(): Promise<string[]> {
    const all = await readdir(this.base, { recursive: true });
    return all.filter((path) => /\.partial$|(^|\/)copy-|\.tmp$/.test(path));
  }

  remove(): Promise<void> {
    return rm(this.base, { recursive: true, force: true });
  }
}

/** Makes the data set: file below the split folders -> fixture that is copied there. */
export async function smallDataset(chunks: Readonly<Record<string, string>>, yaml: string): Promise<SmallDataset> {
  const dataset = new SmallDataset(await mkdtemp(join(TEMPORARY, 'obsmith-small-')));
  for (const [file, source] of Object.entries(chunks)) {
    await mkdir(dirname(dataset.input(file)), { recursive: true });
    await cp(fixture(source), dataset.input(file), { recursive: true });
  }
  await dataset.configure(yaml);
  return dataset;
}

/** Values of an obsm array, row by row. */
export async function embedding(store: string, key: string): Promise<Float32Array> {
  const node = readObsmNode(store, key);
  if (node === null || node === 'group') throw new Error(`${store} has no array ${key}`);
  const parts: number[] = [];
  for await (const { values } of embeddingRows(node)) for (const value of values) parts.push(value);
  return Float32Array.from(parts);
}

async function entriesAt(root: string, depth: number): Promise<string[]> {
  const found: string[] = [];
  const walk = async (folder: string, left: number): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const path = join(folder, entry.name);
      if (left > 1 && entry.isDirectory()) await walk(path, left - 1);
      else found.push(relative(root, path));
    }
  };
  await walk(root, depth);
  return found.sort();
}

/** Replaces a one-dimensional array of a zarr v2 store by one uncompressed chunk of other values. */
export async function writeNumbers(array: string, values: Float32Array | Int32Array): Promise<void> {
  await editArray(array, values.length, values instanceof Float32Array ? '<f4' : '<i4');
  await writeFile(join(array, '0'), values);
}

/** Replaces a string array of a zarr v2 store (vlen-utf8, uncompressed). */
export async function writeStrings(array: string, values: readonly string[]): Promise<void> {
  await editArray(array, values.length, '|O');
  const parts = values.flatMap((value) => [uint32(Buffer.byteLength(value)), Buffer.from(value)]);
  await writeFile(join(array, '0'), Buffer.concat([uint32(values.length), ...parts]));
}

async function editArray(array: string, length: number, dtype: string): Promise<void> {
  await editJson(join(array, '.zarray'), (metadata) => {
    Object.assign(metadata, { shape: [length], chunks: [Math.max(1, length)], dtype, compressor: null });
  });
}

/** Removes a column of obs or var from a zarr v2 store. */
export async function removeColumn(store: string, axis: 'obs' | 'var', name: string): Promise<void> {
  await rm(join(store, axis, name), { recursive: true });
  await editJson(join(store, axis, '.zattrs'), (attributes) => {
    attributes['column-order'] = (attributes['column-order'] as string[]).filter((column) => column !== name);
  });
}

export async function editJson(file: string, edit: (value: Record<string, unknown>) => void): Promise<void> {
  const value = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  edit(value);
  await writeFile(file, JSON.stringify(value));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
