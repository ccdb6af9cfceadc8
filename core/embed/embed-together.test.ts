import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openAnnData } from '../anndata/open.js';
import { keptExpressionFile } from '../dataset/layout.js';
import { scanChunk } from '../dataset/scan.js';
import { FilterColumns } from '../kernels/filter-columns.js';
import { expressionBlocks } from '../methods/expression.js';
import { loadGeneList } from '../methods/gene-lists.js';
import { matchGenes } from '../methods/gene-match.js';
import { ExpressionKeeper } from '../methods/kept-expression.js';
import type { PlannedMethod } from '../plan/types.js';
import { QUIET, type TaskContext } from '../tasks/types.js';
import type { EmbedRequest } from './embed-chunk.js';
import { embedChunk, embedTogether } from './embed-together.js';

const HEART = fileURLToPath(new URL('../../test/fixtures/heart-60', import.meta.url));

function planned(name: 'gs' | 'gs10k', minCoverage = 0): PlannedMethod {
  return {
    ...{ method: name, dim: name === 'gs' ? 3936 : 10_000, options: { min_coverage: minCoverage } },
    ...{ batchKey: null, batchSize: 128, queue: 'cpu', algorithmVersion: 1, overwrite: false, fitRounds: [] },
    ...{ chunkRows: name === 'gs' ? 16 : 8, sparseOutput: true, source: 'expression' },
  };
}

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'obsmith-together-'));
  for (const format of ['zarr', 'h5ad']) {
    const input = join(base, `processed/chunk_0.${format}`);
    await mkdir(dirname(input), { recursive: true });
    await cp(join(HEART, `chunk_0.${format}`), input, { recursive: true });
  }
});
afterEach(() => rm(base, { recursive: true }));

function request(method: PlannedMethod, staging: string, { attempt = '1', format = 'zarr' } = {}): EmbedRequest {
  const reads = ['X', 'obs/_index', 'var/_index', 'var/ensembl_id'];
  const chunk = { name: `train/${format}`, input: `processed/chunk_0.${format}`, reads };
  return { base, dataset: 'heart', chunk, method, fit: null, attempt, staging };
}

/** Content of every file that was staged of a method. */
async function staged(staging: string, method: string): Promise<Record<string, string>> {
  const folder = join(base, staging, `X_${method}`);
  const files: Record<string, string> = {};
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files[relative(folder, path).replace(/^attempt-[^/]*\//, '')] = (await readFile(path)).toString('base64');
  }
  return files;
}

/** Throws once so many cells are embedded. */
function cancelledAfter(cells: number): TaskContext {
  let embedded = 0;
  return {
    progress: (done) => {
      embedded = done;
    },
    checkCancelled: () => {
      if (embedded >= cells) throw new Error('cancelled');
    },
  };
}

it.each(['zarr', 'h5ad'])('methods together stage the same files as each alone, from %s', async (format) => {
  const methods = [planned('gs'), planned('gs10k')];
  for (const method of methods) await embedChunk(request(method, 'alone', { format }), QUIET);
  const results = await Promise.all(
    embedTogether(methods.map((method) => ({ request: request(method, 'together', { format }), context: QUIET }))),
  );
  expect(results).toMatchObject([
    { cells: 60, dim: 3936, blocksComputed: 4, blocksResumed: 0 },
    { cells: 60, dim: 10_000, blocksComputed: 8, blocksResumed: 0 },
  ]);
  for (const { method } of methods) expect(await staged('together', method)).toEqual(await staged('alone', method));
});

it('one that is cancelled, and one that is refused, leave the others alone, and go on where they stopped', async () => {
  for (const name of ['gs', 'gs10k'] as const) await embedChunk(request(planned(name), 'alone'), QUIET);
  const [cancelled, whole, refused] = await Promise.allSettled(
    embedTogether([
      { request: request(planned('gs'), 'together'), context: cancelledAfter(32) },
      { request: request(planned('gs10k'), 'together'), context: QUIET },
      { request: request(planned('gs', 0.5), 'elsewhere'), context: QUIET },
    ]),
  );
  expect(cancelled).toMatchObject({ reason: { message: 'cancelled' } });
  expect(refused).toMatchObject({ reason: { type: 'InvalidInput', message: expect.stringContaining('coverage') } });
  expect(whole).toMatchObject({ status: 'fulfilled', value: { blocksComputed: 8 } });
  expect(await staged('together', 'gs10k')).toEqual(await staged('alone', 'gs10k'));

  // Beside one that begins anew, the cancelled one needs only the rows that it lacks.
  const [resumed] = await Promise.all(
    embedTogether([
      { request: request(planned('gs'), 'together', { attempt: '2' }), context: QUIET },
      { request: request(planned('gs10k'), 'anew'), context: QUIET },
    ]),
  );
  expect(resumed).toMatchObject({ blocksComputed: 2, blocksResumed: 2 });
  expect(await staged('anew', 'gs10k')).toEqual(await staged('alone', 'gs10k'));
  const arrayFiles = async (staging: string) =>
    Object.entries(await staged(staging, 'gs')).filter(([name]) => name.startsWith('array/'));
  expect(await arrayFiles('together')).toEqual(await arrayFiles('alone'));
});

it('a chunk that cannot be read fails all of them', async () => {
  await rm(join(base, 'processed/chunk_0.zarr/X/data/0.0'), { force: true });
  await rm(join(base, 'processed/chunk_0.zarr/X/0.0'), { force: true });
  await rm(join(base, 'processed/chunk_0.zarr/X/data'), { recursive: true, force: true });
  const ends = await Promise.allSettled(
    embedTogether(
      (['gs', 'gs10k'] as const).map((name) => ({ request: request(planned(name), 'together'), context: QUIET })),
    ),
  );
  for (const end of ends) expect(end).toMatchObject({ reason: { type: 'InvalidInput' } });
});

/** Keeps the expression of the genes of gs twice as large as it is, so that one can see who reads it. */
async function keepTwiceOfGs(staging: string): Promise<void> {
  const { chunk, dataset } = request(planned('gs'), staging);
  const scan = await scanChunk({ base, dataset, chunk, elements: chunk.reads }, QUIET);
  const input = await openAnnData(join(base, chunk.input));
  const list = await loadGeneList('gs');
  const { positions } = await matchGenes(input, list, { chunkName: scan.name, minCoverage: 0 });
  const filter = new FilterColumns(positions);
  const keeper = (await ExpressionKeeper.create(join(base, keptExpressionFile(staging)), scan, positions))!;
  for await (const block of expressionBlocks(input, scan, { blockRows: 25 })) {
    const twice = block.values.map((value) => value * 2);
    await keeper.add(filter.apply({ ...block, values: twice }), Number.MAX_SAFE_INTEGER);
  }
  await keeper.finish();
  await input.close();
}

/** Sum of all that was staged of a method, uncompressed. */
async function sumOf(staging: string, method: string): Promise<number> {
  const blocks = Object.entries(await staged(staging, method)).filter(([name]) => /(^|\/)\d+\.\d+$/.test(name));
  expect(blocks.length).toBeGreaterThan(1);
  let sum = 0;
  for (const [, content] of blocks) {
    const bytes = Uint8Array.from(Buffer.from(content, 'base64'));
    for (const value of new Float32Array(bytes.buffer)) if (!Number.isNaN(value)) sum += value;
  }
  return sum;
}

it('reads expression that an earlier pass kept where it has all columns that anybody looks at', async () => {
  const [gs, gs10k] = [planned('gs'), planned('gs10k')].map((method) => ({ ...method, sparseOutput: false }));
  const embedBoth = (staging: string) =>
    Promise.all(embedTogether([gs!, gs10k!].map((method) => ({ request: request(method, staging), context: QUIET }))));
  await embedBoth('none-kept');
  await keepTwiceOfGs('kept');
  await embedChunk(request(gs!, 'kept'), QUIET);
  await embedChunk(request(gs10k!, 'kept'), QUIET);
  expect((await sumOf('kept', 'gs')) / (await sumOf('none-kept', 'gs'))).toBeCloseTo(2, 9);
  expect(await sumOf('kept', 'gs10k')).toBe(await sumOf('none-kept', 'gs10k'));
  await keepTwiceOfGs('together');
  await embedBoth('together');
  expect(await sumOf('together', 'gs')).toBe(await sumOf('none-kept', 'gs'));
});
