import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Node, nodesOf } from '../../test/zarr-nodes.js';
import { QUIET } from '../tasks/types.js';
import { copyToZarr } from './copy.js';

const fixture = (name: string): string => fileURLToPath(new URL(`../../test/fixtures/h5ad/${name}`, import.meta.url));

describe('copyToZarr of an h5ad file', () => {
  // What anndata.read_h5ad(file).write_zarr(...) writes, node by node: test/oracle/h5ad_fixtures.py.
  it.each(['zoo', 'structured', 'frames', 'lzf'])('writes %s as anndata does', async (name) => {
    const target = join(await mkdtemp(join(tmpdir(), 'obsmith-copy-')), 'copy.zarr');
    await copyToZarr(fixture(`${name}.h5ad`), target, QUIET);
    const expected: Record<string, Node> = JSON.parse(await readFile(fixture(`${name}.json`), 'utf8'));
    // anndata writes an absent raw as a null array; a store without it reads the same.
    if (expected.raw?.attributes['encoding-type'] === 'null') delete expected.raw;
    const found = await nodesOf(target, '');
    expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
    for (const [path, node] of Object.entries(expected)) expect({ path, ...found[path] }).toEqual({ path, ...node });
  });
});
