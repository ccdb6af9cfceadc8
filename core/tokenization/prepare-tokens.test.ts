import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeNumbers } from '../../test/small-dataset.js';
import { readScan } from '../dataset/scan.js';
import type { Vocabulary } from '../inference/bundle/types.js';
import { QUIET } from '../tasks/types.js';
import { prepareTokens, type TokenRequest, tokensPath } from './prepare-tokens.js';
import { openTokenFile } from './token-file.js';

const fixture = (name: string) => new URL(`../../test/fixtures/${name}`, import.meta.url).pathname;
const json = (name: string) => JSON.parse(gunzipSync(readFileSync(fixture(`geneformer/${name}.gz`))).toString('utf8'));

const CHUNK = 'processed/train/toy/train/chunk_0.zarr';
let base: string;
let request: TokenRequest;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-prepare-'));
  await mkdir(dirname(join(base, CHUNK)), { recursive: true });
  await cp(fixture('heart-60/chunk_0.zarr'), join(base, CHUNK), { recursive: true });
  request = {
    base,
    dataset: 'toy',
    chunk: { name: 'train/chunk_0', input: CHUNK },
    method: 'geneformer-v1',
    bundle: {
      id: 'geneformer-v1',
      tokenizer: { targetSum: 10_000, specialToken: false, inputSize: 2048, tieBreak: 'stable' },
      vocabulary: json('v1-vocabulary.json') as Vocabulary,
      vocabularySha256: 'a'.repeat(64),
    },
    mapSymbols: true,
  };
});
afterEach(() => rm(base, { recursive: true }));

const scanOf = async () => (await readScan(base, 'toy', 'train/chunk_0'))!;

test('tokens are prepared once, found again by whoever asks, and nothing is written but below .obsmith', async () => {
  const prepared = await prepareTokens(request, QUIET);
  expect(prepared).toMatchObject({ computed: true, cells: 60, report: { known: 130, lost: 6 } });
  expect(prepared.file).toMatch(/^\.obsmith\/prepared\/toy\/train\/chunk_0\/geneformer-v1-[0-9a-f]{64}\.tokens$/);
  expect(tokensPath(request, await scanOf())).toBe(prepared.file);
  const before = await stat(join(base, prepared.file));
  expect(await prepareTokens(request, QUIET)).toEqual({ ...prepared, computed: false });
  expect((await stat(join(base, prepared.file))).mtimeMs).toBe(before.mtimeMs);
  expect((await readdir(base)).sort()).toEqual(['.obsmith', 'processed']);

  const file = (await openTokenFile(join(base, prepared.file)))!;
  expect((await file.rows(10, 60)).map((row) => [...row])).toEqual(json('heart-60-v1-tokens.json').slice(10));
  await file.close();
});

test('another vocabulary, other settings and other counts are other tokens', async () => {
  const files = new Set([(await prepareTokens(request, QUIET)).file]);
  const { bundle } = request;
  files.add((await prepareTokens({ ...request, bundle: { ...bundle, vocabularySha256: 'b'.repeat(64) } }, QUIET)).file);
  files.add((await prepareTokens({ ...request, mapSymbols: false }, QUIET)).file);
  const shorter = { ...bundle, tokenizer: { ...bundle.tokenizer, inputSize: 30 } };
  const cut = await prepareTokens({ ...request, bundle: shorter }, QUIET);
  expect(Number(cut.report.truncatedCells)).toBeGreaterThan(0);
  files.add(cut.file);
  const array = join(base, CHUNK, 'obs/n_counts');
  await writeNumbers(
    array,
    Float32Array.from({ length: 60 }, (_value, cell) => 1000 + cell),
  );
  const changed = await prepareTokens(request, QUIET);
  expect(changed.computed).toBe(true);
  files.add(changed.file);
  expect(files.size).toBe(5);
});

test('tokens that are gone are made anew', async () => {
  const { file } = await prepareTokens(request, QUIET);
  await rm(join(base, file));
  expect((await prepareTokens(request, QUIET)).computed).toBe(true);
});
