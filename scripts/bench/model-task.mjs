// One contestant's part of `npm run bench -- models`, run by the built code in a process of its own:
//   node scripts/bench/model-task.mjs DIST TASK ARGUMENTS...
// Prints { cells, seconds, ... } in JSON; loading of the model is apart.
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const CONTEXT = { progress() {}, checkCancelled() {} };

/** Seconds of CPU, reading and writing included. Keeps the tokens of the first cells for the forward pass. */
async function tokenize(load, bundleFolder, chunk, tokensFile, kept) {
  const { openAnnData } = await load('core/anndata/open.js');
  const { loadBundle } = await load('core/inference/bundle/load.js');
  const { tokenizeChunk } = await load('core/tokenization/tokenize-chunk.js');
  const { openTokenFile } = await load('core/tokenization/token-file.js');
  const bundle = await loadBundle(bundleFolder);
  const before = process.cpuUsage();
  const input = await openAnnData(chunk);
  const { cells, tokens } = await tokenizeChunk(
    { input, name: 'chunk', bundle, mapSymbols: false, path: tokensFile },
    CONTEXT,
  );
  const { user, system } = process.cpuUsage(before);
  await input.close();
  const file = await openTokenFile(tokensFile);
  const first = (await file.rows(0, Number(kept))).map((row) => [...row]);
  await file.close();
  await writeFile(`${tokensFile}.json`, JSON.stringify(first));
  return { cells, seconds: (user + system) / 1e6, tokensPerCell: tokens / cells };
}

async function forward(load, bundleFolder, tokensFile) {
  const { loadBundle } = await load('core/inference/bundle/load.js');
  const { openTokenModel } = await load('core/inference/token-model.js');
  const bundle = await loadBundle(bundleFolder);
  const cells = JSON.parse(await readFile(tokensFile, 'utf8')).map((row) => Uint16Array.from(row));
  const model = await openTokenModel({ bundle, device: 'cpu', cpuThreads: availableParallelism() }, 1);
  await model.embed([cells[0].subarray(0, 64)], new Float32Array(bundle.dim));
  const started = performance.now();
  await model.embed(cells, new Float32Array(cells.length * bundle.dim));
  return { cells: cells.length, seconds: (performance.now() - started) / 1000 };
}

/** Chunks side by side, a thread for each core, as a CPU worker does; reading included. */
async function scvi(_load, bundleFolder, threads, ...chunks) {
  const workers = Array.from({ length: Number(threads) }, (_, thread) => {
    const mine = chunks.filter((_chunk, at) => at % Number(threads) === thread);
    return new Worker(new URL(import.meta.url), { workerData: { dist, bundleFolder, chunks: mine } });
  });
  const answer = (worker) =>
    new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  await Promise.all(workers.map(answer));
  const started = performance.now();
  const answers = workers.map(answer);
  for (const worker of workers) worker.postMessage('start');
  const cells = (await Promise.all(answers)).reduce((sum, count) => sum + count, 0);
  const seconds = (performance.now() - started) / 1000;
  await Promise.all(workers.map((worker) => worker.terminate()));
  return { cells, seconds };
}

async function scviThread({ dist: folder, bundleFolder, chunks }) {
  const load = (module) => import(join(folder, module));
  const { openAnnData } = await load('core/anndata/open.js');
  const { loadBundle } = await load('core/inference/bundle/load.js');
  const { scviFm } = await load('core/methods/scvi-fm.js');
  const bundle = await loadBundle(bundleFolder);
  parentPort.postMessage('ready');
  await new Promise((resolve) => parentPort.once('message', resolve));
  let cells = 0;
  for (const path of chunks) {
    const chunk = await openAnnData(path);
    const embedder = await scviFm.open({ chunk, scan: { name: 'chunk' }, model: { bundle, device: 'cpu' } });
    for await (const block of chunk.rowBlocks('layers/counts', { blockRows: 1024 })) {
      await embedder.embed(block, new Float32Array(block.rows * bundle.dim));
    }
    cells += chunk.cells;
    await chunk.close();
  }
  parentPort.postMessage(cells);
}

const [dist, task, ...given] = process.argv.slice(2);
if (isMainThread) {
  const found = await { tokenize, forward, scvi }[task]((module) => import(join(dist, module)), ...given);
  console.log(JSON.stringify(found));
} else await scviThread(workerData);
