import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openAnnData } from '../anndata/open.js';
import { openTokenFile } from '../tokenization/token-file.js';
import { tokenizeChunk } from '../tokenization/tokenize-chunk.js';
import { loadBundle } from './bundle/load.js';
import type { GeneformerBundle } from './bundle/types.js';
import { type ModelSession, openSession } from './session.js';

const fixture = (path: string) => fileURLToPath(new URL(`../../test/fixtures/${path}`, import.meta.url));

/** A cell as the genuine tokenizer and PyTorch see it. */
interface ReferenceCell {
  readonly tokens: readonly number[];
  readonly cls: readonly number[];
  readonly mean: readonly number[];
}

async function openBundle(name: string) {
  const bundle = (await loadBundle(fixture(`models/${name}`))) as GeneformerBundle;
  const reference = gunzipSync(await readFile(fixture(`models/${name}_pbmc-24.json.gz`))).toString();
  return { bundle, cells: JSON.parse(reference) as ReferenceCell[] };
}

const sessionOf = ({ folder, files }: GeneformerBundle, graph: string): Promise<ModelSession> =>
  openSession({ path: join(folder, graph), sha256: files[graph]! }, 'cpu');

/** Cells side by side, padded to the longest. */
function batchOf(cells: readonly ReferenceCell[], pad: number) {
  const length = Math.max(...cells.map(({ tokens }) => tokens.length));
  const ids = new BigInt64Array(cells.length * length).fill(BigInt(pad));
  const mask = new BigInt64Array(cells.length * length);
  cells.forEach(({ tokens }, row) => {
    tokens.forEach((token, place) => {
      ids[row * length + place] = BigInt(token);
      mask[row * length + place] = 1n;
    });
  });
  const dims = [cells.length, length];
  return { input_ids: { data: ids, dims }, attention_mask: { data: mask, dims } };
}

function largestDifference(found: Float32Array, expected: readonly number[]): number {
  expect(found).toHaveLength(expected.length);
  return expected.reduce((most, value, at) => Math.max(most, Math.abs(value - found[at]!)), 0);
}

describe.each(['geneformer-tiny', 'geneformer-v1-tiny'])('%s, as exported', async (name) => {
  const { bundle, cells } = await openBundle(name);
  const pad = bundle.vocabulary.special['<pad>']!;

  it('has the tokens of the genuine tokenizer', async () => {
    const input = await openAnnData(fixture('pbmc-24/chunk_0.zarr'));
    const folder = await mkdtemp(join(tmpdir(), 'obsmith-tokens-'));
    const path = join(folder, 'tokens');
    const context = { progress() {}, checkCancelled() {} };
    await tokenizeChunk({ input, name: 'train/chunk_0', bundle, mapSymbols: false, path }, context);
    const file = (await openTokenFile(path))!;
    const found = (await file.rows(0, file.cells)).map((row) => [...row]);
    expect(found).toEqual(cells.map(({ tokens }) => tokens));
    await file.close();
    await input.close();
    await rm(folder, { recursive: true });
  });

  it('gives the embeddings of PyTorch in one padded batch', async () => {
    const outputs = await (await sessionOf(bundle, bundle.graph)).run(batchOf(cells, pad));
    for (const output of ['cls', 'mean'] as const) {
      const expected = cells.flatMap((cell) => cell[output]);
      expect(largestDifference(outputs[output]!, expected)).toBeLessThan(1e-5);
    }
  });

  it('gives the embedding cell by cell with the graph for equal lengths', async () => {
    const { pooling, equalLengthGraph } = bundle;
    const session = await sessionOf(bundle, equalLengthGraph!);
    for (const cell of cells) {
      const outputs = await session.run(batchOf([cell], pad));
      expect(Object.keys(outputs)).toEqual([pooling]);
      expect(largestDifference(outputs[pooling]!, cell[pooling])).toBeLessThan(1e-5);
    }
  });

  it('gives the same bits on any number of cores', async () => {
    const { folder, equalLengthGraph, pooling } = bundle;
    const path = join(folder, equalLengthGraph!);
    const one = await openSession({ path, sha256: `${name} on one core` }, 'cpu');
    const three = await openSession({ path, sha256: `${name} on three cores` }, 'cpu', 3);
    for (const cell of cells.slice(0, 4)) {
      const batch = batchOf([cell], pad);
      expect((await three.run(batch))[pooling]).toEqual((await one.run(batch))[pooling]);
    }
  });
});
