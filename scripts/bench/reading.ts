import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { READ_ROWS } from '../../core/anndata/types.js';
import { built } from '../../core/package-root.js';
import { benchDataset, FORMATS, type Format } from './dataset.js';
import { measure } from './measure.js';
import { median } from './median.js';
import { peerPython, threadEnv } from './peer.js';
import { numbersTable, printReport, REPORT_HELP, REPORT_OPTIONS } from './report.js';

const HELP = `Usage: npm run bench -- reading [options]

Decodes all of X of the simulated data set from the page cache: zarr-python (h5py for h5ad) in 16,384 rows at a time,
and obsmith in blocks of ${READ_ROWS} rows on one thread and on one per core. Prints MB/s decoded and the ratio of speeds.

  --formats LIST   default ${FORMATS.join(',')}
  --cells N        cells, default 50000
  --repeat N       readings of each, medians are shown, default 3
  --peer           make the Python environment of the peer if it is not there (OBSMITH_BENCH_PYTHON: use that Python)
  --dir FOLDER     data and environment, default obsmith-bench in the folder for temporary files
${REPORT_HELP}`;

const OPTIONS = {
  formats: { type: 'string', default: FORMATS.join(',') },
  cells: { type: 'string', default: '50000' },
  repeat: { type: 'string', default: '3' },
  peer: { type: 'boolean', default: false },
  dir: { type: 'string', default: join(tmpdir(), 'obsmith-bench') },
  ...REPORT_OPTIONS,
} as const;

interface Reading {
  readonly format: Format;
  /** Decoded bytes per second. */
  readonly peer: number;
  readonly oneThread: number;
  readonly allThreads: number;
}

/** The suite `reading`. */
export async function reading(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: OPTIONS });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const python = await peerPython(values.dir, values.peer);
  if (!python) throw new Error('The peer is missing: give --peer, or name a Python in OBSMITH_BENCH_PYTHON.');
  const shape = { cells: Number(values.cells), genes: 20_000, chunks: 4, seed: 1 };
  const threads = availableParallelism();
  const readings: Reading[] = [];
  for (const format of values.formats.split(',') as Format[]) {
    const { inputs } = await benchDataset(values.dir, { ...shape, format }, ['gs'], python);
    const times = { peer: [] as number[], oneThread: [] as number[], allThreads: [] as number[] };
    for (let round = 0; round < Number(values.repeat); round++) {
      times.peer.push(await readByPeer(python, inputs));
      times.oneThread.push(await readByThreads(inputs, 1));
      times.allThreads.push(await readByThreads(inputs, threads));
    }
    const [peer, oneThread, allThreads] = [times.peer, times.oneThread, times.allThreads].map(median);
    readings.push({ format, peer: peer!, oneThread: oneThread!, allThreads: allThreads! });
  }
  await printReport({ suite: 'reading', ...shape, threads, node: process.version, readings }, table(readings), values);
}

async function readByPeer(python: string, inputs: readonly string[]): Promise<number> {
  const script = fileURLToPath(new URL('peer_reading.py', import.meta.url));
  const { stdout, code } = await measure(python, [script, ...inputs], threadEnv());
  if (code !== 0) throw new Error(`the peer ended with exit code ${code}`);
  const { seconds, bytes } = JSON.parse(stdout) as { seconds: number; bytes: number };
  return bytes / seconds;
}

/** The second reading counts: in the first, code is compiled. */
async function readByThreads(stores: readonly string[], threads: number): Promise<number> {
  const script = new URL('read-x.mjs', import.meta.url);
  const module = built('core/anndata/open.js');
  const workers = Array.from(
    { length: threads },
    (_, thread) => new Worker(script, { workerData: { module, stores, thread, threads, blockRows: READ_ROWS } }),
  );
  const readAll = async (): Promise<number> => {
    const parts = await Promise.all(workers.map(readPart));
    return parts.reduce((sum, bytes) => sum + bytes, 0);
  };
  try {
    await readAll();
    const startedAt = performance.now();
    const bytes = await readAll();
    return bytes / ((performance.now() - startedAt) / 1000);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function readPart(worker: Worker): Promise<number> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject).once('message', (bytes: number) => {
      worker.off('error', reject);
      resolve(bytes);
    });
    worker.postMessage('read');
  });
}

function table(readings: readonly Reading[]): string {
  const speed = (bytes: number): string => String(Math.round(bytes / 1e6));
  return numbersTable(
    ['X as', 'peer MB/s', 'obsmith, 1 thread', 'ratio', 'all threads', 'ratio'],
    readings.map(({ format, peer, oneThread, allThreads }) => [
      format,
      speed(peer),
      speed(oneThread),
      (oneThread / peer).toFixed(2),
      speed(allThreads),
      (allThreads / peer).toFixed(2),
    ]),
  );
}
