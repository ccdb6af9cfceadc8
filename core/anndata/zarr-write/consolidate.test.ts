import { cp, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { fixture } from '../reader.contract.js';
import { consolidate, storeFormat } from './consolidate.js';
import { jsonMembers } from './json-members.js';

let root: string;
beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), 'obsmith-consolidate-')), 'store.zarr');
});

const text = (name: string) => readFile(join(root, name), 'utf8');

describe('consolidate', () => {
  it('rebuilds what zarr-python wrote for v2', async () => {
    await cp(fixture('v2.zarr'), root, { recursive: true });
    const before = JSON.parse(await text('.zmetadata'));
    await consolidate(root);
    const after = JSON.parse(await text('.zmetadata'));
    expect(after.zarr_consolidated_format).toBe(1);
    expect(withoutNested(after.metadata)).toEqual(withoutNested(before.metadata));
  });

  it('rebuilds what zarr-python wrote for v3', async () => {
    await cp(fixture('v3.zarr'), root, { recursive: true });
    const { consolidated_metadata: before, ...rootBefore } = JSON.parse(await text('zarr.json'));
    await consolidate(root);
    const { consolidated_metadata: after, ...rootAfter } = JSON.parse(await text('zarr.json'));
    expect(rootAfter).toEqual(rootBefore);
    expect(withoutNested(after.metadata)).toEqual(withoutNested(before.metadata));
  });

  it('keeps siblings together and parents before children', async () => {
    await cp(fixture('v2.zarr'), root, { recursive: true });
    await cp(join(root, 'obsm'), join(root, 'obsm.old'), { recursive: true });
    await consolidate(root);
    const nodes = [...new Set(Object.keys(JSON.parse(await text('.zmetadata')).metadata).map(nodeOf))];
    const parents = nodes.map(parentOf);
    // zarr-python groups consecutive keys by parent: a parent that comes back later hides the whole store.
    expect(parents.filter((parent, i) => parent !== parents[i - 1])).toEqual([...new Set(parents)]);
    for (const [i, node] of nodes.entries()) if (node !== '') expect(nodes.indexOf(parentOf(node))).toBeLessThan(i);
  });

  it('leaves out nodes that are to be omitted, stray files and folders without metadata', async () => {
    await cp(fixture('v2.zarr'), root, { recursive: true });
    await mkdir(join(root, '.staging'));
    await mkdir(join(root, 'obsm', 'half-written'));
    await writeFile(join(root, 'obsm', '.0.abc.partial'), '');
    await consolidate(root, (node) => node === 'layers/counts');
    const nodes = new Set(Object.keys(JSON.parse(await text('.zmetadata')).metadata).map(nodeOf));
    expect(nodes.has('layers/counts')).toBe(false);
    expect(nodes.has('layers/counts/data')).toBe(false);
    expect([...nodes].filter((node) => /staging|half|partial/.test(node))).toEqual([]);
    expect(nodes.has('obsm')).toBe(true);
  });

  it('keeps numbers as they are written: floats, 64-bit integers, the bare NaN of Python', async () => {
    await mkdir(root);
    await writeFile(join(root, '.zgroup'), '{"zarr_format": 2}');
    await writeFile(join(root, '.zattrs'), '{"version": 1.0, "big": 9007199254740993, "nothing": NaN, "s": "a\\"}{,"}');
    await consolidate(root);
    const metadata = jsonMembers(jsonMembers(await text('.zmetadata')).get('metadata')!);
    expect(metadata.get('.zattrs')).toBe('{"version": 1.0, "big": 9007199254740993, "nothing": NaN, "s": "a\\"}{,"}');
  });

  it('names the file where metadata is damaged', async () => {
    await mkdir(root);
    await writeFile(join(root, '.zgroup'), '{"zarr_format": 2');
    await expect(consolidate(root)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('.zgroup is not valid JSON'),
    });
  });
});

describe('storeFormat', () => {
  it('refuses a folder that is no store, and one that is two', async () => {
    await mkdir(root);
    await expect(storeFormat(root)).rejects.toThrow('without zarr metadata');
    await writeFile(join(root, '.zgroup'), '{}');
    await writeFile(join(root, 'zarr.json'), '{}');
    await expect(storeFormat(root)).rejects.toThrow('both zarr v2 and zarr v3');
  });
});

const nodeOf = (key: string): string => key.replace(/(^|\/)\.z(array|group|attrs)$/, '');
const parentOf = (node: string): string => (node.includes('/') ? node.slice(0, node.lastIndexOf('/')) : '');

/** zarr-python puts an empty consolidated metadata into each group of the consolidated metadata. */
function withoutNested(metadata: Record<string, Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(metadata).map(([key, { consolidated_metadata: _, ...node }]) => [key, node]),
  );
}
