import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { built, resource } from '../../core/package-root.js';
import { formatBytes, formatCount } from '../terminal/format.js';
import { type BenchDataset, benchDataset, removeOutputs } from './dataset.js';
import { measure } from './measure.js';
import { peerPython } from './peer.js';
import { numbersTable, printReport, REPORT_HELP, REPORT_OPTIONS } from './report.js';

const HELP = `Usage: npm run bench -- single-cell [options]

Runs the main job end to end on a simulated data set (read, hvg, pca, gs, write), the peer (scanpy) and obsmith in
turn on the same files, and prints seconds, cells/s, ratio and peak memory.

  --cells N        cells, default 50000
  --genes N        genes, default 20000
  --chunks N       chunk files, default 4
  --seed N         seed of the data, default 1
  --methods LIST   default hvg,pca,gs
  --repeat N       runs of each, medians are shown, default 3
  --peer           make the Python environment of the peer if it is not there (OBSMITH_BENCH_PYTHON: use that Python)
  --only WHO       peer or obsmith alone
  --memory-curve   obsmith alone at half, once and twice the cells: memory must not grow
  --dir FOLDER     data and environment, default obsmith-bench in the folder for temporary files
${REPORT_HELP}`;

const OPTIONS = {
  cells: { type: 'string', default: '50000' },
  genes: { type: 'string', default: '20000' },
  chunks: { type: 'string', default: '4' },
  seed: { type: 'string', default: '1' },
  methods: { type: 'string', default: 'hvg,pca,gs' },
  repeat: { type: 'string', default: '3' },
  peer: { type: 'boolean', default: false },
  only: { type: 'string' },
  'memory-curve': { type: 'boolean', default: false },
  dir: { type: 'string', default: join(tmpdir(), 'obsmith-bench') },
  ...REPORT_OPTIONS,
} as const;

/** One run of one contestant. */
interface Run {
  /** First activity to finalize (obsmith), first read to last write (peer): start-up apart. */
  readonly seconds: number;
  readonly wallSeconds: number;
  readonly peakBytes: number;
  /** Parts of the run where the contestant tells them. */
  readonly stages: Readonly<Record<string, number>>;
}

interface Result {
  readonly name: string;
  readonly cells: number;
  readonly genes: number;
  readonly runs: readonly Run[];
  /** Medians over the runs. */
  readonly seconds: number;
  readonly peakBytes: number;
}

/** The suite `single-cell`. */
export async function singleCell(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: OPTIONS });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const methods = values.methods.split(',');
  const shape = {
    cells: Number(values.cells),
    genes: Number(values.genes),
    chunks: Number(values.chunks),
    seed: Number(values.seed),
  };
  const sizes = values['memory-curve'] ? [0.5, 1, 2] : [1];
  const python = values.only === 'obsmith' || values['memory-curve'] ? null : await peerPython(values.dir, values.peer);
  const results: Result[] = [];
  for (const factor of sizes) {
    const data = await benchDataset(
      values.dir,
      { ...shape, cells: Math.round(shape.cells * factor), chunks: Math.max(1, Math.round(shape.chunks * factor)) },
      methods,
    );
    const contestants: [string, () => Promise<Run>][] = [];
    if (python) contestants.push(['scanpy', () => runPeer(python, data, methods)]);
    if (values.only !== 'peer') contestants.push(['obsmith', () => runObsmith(data)]);
    results.push(...(await inTurn(contestants, Number(values.repeat), data)));
  }
  const report = {
    suite: 'single-cell',
    ...shape,
    methods,
    threads: availableParallelism(),
    node: process.version,
    results,
  };
  await printReport(report, table(results), values);
}

/** All contestants once, then again: what else the machine does falls on them alike. */
async function inTurn(
  contestants: readonly [string, () => Promise<Run>][],
  repeat: number,
  data: BenchDataset,
): Promise<Result[]> {
  const runs = new Map<string, Run[]>(contestants.map(([name]) => [name, []]));
  for (let round = 1; round <= repeat; round += 1) {
    for (const [name, run] of contestants) {
      await removeOutputs(data);
      const done = await run();
      runs.get(name)!.push(done);
      process.stderr.write(
        `${name} ${round}/${repeat}: ${done.seconds.toFixed(1)} s, ${formatBytes(done.peakBytes)}\n`,
      );
    }
  }
  await removeOutputs(data);
  return [...runs].map(([name, all]) => ({
    name,
    cells: data.cells,
    genes: data.genes,
    runs: all,
    seconds: median(all.map(({ seconds }) => seconds)),
    peakBytes: median(all.map(({ peakBytes }) => peakBytes)),
  }));
}

async function runPeer(python: string, data: BenchDataset, methods: readonly string[]): Promise<Run> {
  const script = fileURLToPath(new URL('peer_single_cell.py', import.meta.url));
  const gs = resource('gene-lists/gs.txt');
  const args = [
    script,
    '--out',
    data.outputs,
    '--gs',
    gs,
    '--batch-key',
    'batch',
    '--methods',
    methods.join(','),
    ...data.inputs,
  ];
  const { stdout, code, wallSeconds, peakBytes } = await measure(python, args, threadEnv());
  const { seconds, stages } = parse<{ seconds: number; stages: Record<string, number> }>(stdout, 'the peer', code);
  return { seconds, wallSeconds, peakBytes, stages };
}

/** All libraries of the peer use as many threads as there are cores. */
function threadEnv(): NodeJS.ProcessEnv {
  const threads = String(availableParallelism());
  const names = ['OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'NUMBA_NUM_THREADS'];
  return Object.fromEntries(names.map((name) => [name, threads]));
}

/** Queues of its own, so that workers of another run on this machine do not do the work unmeasured. */
async function runObsmith(data: BenchDataset): Promise<Run> {
  const { stdout, code, wallSeconds, peakBytes } = await measure(
    process.execPath,
    [built('scripts/obsmith.js'), 'run', data.config, '--json'],
    { OBSMITH_QUEUE_PREFIX: `bench-${process.pid}` },
  );
  const { status, seconds, methods } = parse<RunDocument>(stdout, 'obsmith run', code);
  if (status !== 'completed') throw new Error(`obsmith run ended as ${status}: ${stdout}`);
  const stages = Object.fromEntries(Object.entries(methods).map(([name, totals]) => [name, totals.seconds]));
  return { seconds, wallSeconds, peakBytes, stages };
}

/** The part of `run --json` that is read here. */
interface RunDocument {
  readonly status: string;
  readonly seconds: number;
  readonly methods: Readonly<Record<string, { readonly seconds: number }>>;
}

function parse<T>(stdout: string, who: string, code: number): T {
  if (code === 0 && stdout.trim() !== '') return JSON.parse(stdout) as T;
  throw new Error(`${who} ended with exit code ${code} and printed: ${stdout || 'nothing'}`);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Ratio: seconds by those of the peer on the same data. */
function table(results: readonly Result[]): string {
  const rows = results.map((result) => {
    const peer = results.find(({ name, cells }) => name === 'scanpy' && cells === result.cells);
    return [
      result.name,
      formatCount(result.cells),
      formatCount(result.genes),
      result.seconds.toFixed(1),
      formatCount(result.cells / result.seconds),
      peer ? (result.seconds / peer.seconds).toFixed(2) : '',
      formatBytes(result.peakBytes),
    ];
  });
  const titles = ['', 'cells', 'genes', 'seconds', 'cells/s', 'ratio', 'peak memory'];
  return numbersTable(titles, rows);
}
