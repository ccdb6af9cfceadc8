import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startTestServer } from '../../test/temporal/server.js';
import { formatBytes, formatCount } from '../terminal/format.js';
import { type Run, runObsmith, runPeer } from './contestants.js';
import { type BenchDataset, type BenchShape, benchDataset, FORMATS, type Format, removeOutputs } from './dataset.js';
import { median } from './median.js';
import { dropFromPageCache } from './page-cache.js';
import { peerPython } from './peer.js';
import { numbersTable, printReport, REPORT_HELP, REPORT_OPTIONS } from './report.js';

const HELP = `Usage: npm run bench -- single-cell [options]

Runs the main job end to end on a simulated data set (read, hvg, pca, gs, write), the peer (scanpy) and obsmith in
turn on the same files, and prints seconds, cells/s, ratio, peak memory, and the share of the time in which no activity
was at work (orchestration).

  --cells LIST     cells, default 50000; several sizes show the memory curve
  --genes N        genes, default 20000
  --chunks LIST    chunk files, default 4; in larger data sets as many more as there are more cells
  --seed N         seed of the data, default 1
  --methods LIST   default hvg,pca,gs
  --each           each method alone, too
  --formats LIST   of ${FORMATS.join(', ')}; default zarr-v2
  --cold           inputs are dropped from the page cache before each run
  --repeat N       runs of each, medians are shown, default 3
  --peer           make the Python environment of the peer if it is not there (OBSMITH_BENCH_PYTHON: use that Python)
  --only WHO       peer or obsmith alone
  --dir FOLDER     data and environment, default obsmith-bench in the folder for temporary files
${REPORT_HELP}`;

const OPTIONS = {
  cells: { type: 'string', default: '50000' },
  genes: { type: 'string', default: '20000' },
  chunks: { type: 'string', default: '4' },
  seed: { type: 'string', default: '1' },
  methods: { type: 'string', default: 'hvg,pca,gs' },
  each: { type: 'boolean', default: false },
  formats: { type: 'string', default: 'zarr-v2' },
  cold: { type: 'boolean', default: false },
  repeat: { type: 'string', default: '3' },
  peer: { type: 'boolean', default: false },
  only: { type: 'string' },
  dir: { type: 'string', default: join(tmpdir(), 'obsmith-bench') },
  ...REPORT_OPTIONS,
} as const;

/** What is run, by both contestants. */
interface Case {
  readonly shape: BenchShape;
  readonly methods: readonly string[];
}

interface Result extends Case {
  readonly name: 'scanpy' | 'obsmith';
  readonly runs: readonly Run[];
  /** Medians over the runs. */
  readonly seconds: number;
  readonly peakBytes: number;
  readonly idleSeconds: number | null;
}

/** The suite `single-cell`. */
export async function singleCell(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: OPTIONS });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const { dir, only, cold } = values;
  const python = await peerPython(dir, values.peer);
  const server = await startTestServer();
  const results: Result[] = [];
  try {
    for (const one of cases(values)) {
      const data = await benchDataset(dir, one.shape, one.methods, python);
      const contestants: [Result['name'], () => Promise<Run>][] = [];
      if (python && only !== 'obsmith') contestants.push(['scanpy', () => runPeer(python, data, one.methods)]);
      if (only !== 'peer') contestants.push(['obsmith', () => runObsmith(server, data)]);
      results.push(...(await inTurn(contestants, one, data, { repeat: Number(values.repeat), cold })));
    }
  } finally {
    await server.stop();
  }
  const report = { suite: 'single-cell', cold, threads: availableParallelism(), node: process.version, results };
  await printReport(report, table(results), values);
}

function cases(
  values: Record<'cells' | 'chunks' | 'genes' | 'seed' | 'methods' | 'formats', string> & { each: boolean },
): Case[] {
  const sizes = numbers(values.cells);
  const methods = values.methods.split(',');
  const selections = [methods, ...(values.each ? methods.map((method) => [method]) : [])];
  const shapes = (values.formats.split(',') as Format[]).flatMap((format) =>
    numbers(values.chunks).flatMap((chunks) =>
      sizes.map((cells) => ({
        ...{ cells, genes: Number(values.genes), seed: Number(values.seed), format },
        chunks: Math.max(1, Math.round((chunks * cells) / sizes[0]!)),
      })),
    ),
  );
  return shapes.flatMap((shape) => selections.map((selected) => ({ shape, methods: selected })));
}

const numbers = (list: string): number[] => list.split(',').map(Number);

/** All contestants once, then again: what else the machine does falls on them alike. */
async function inTurn(
  contestants: readonly [Result['name'], () => Promise<Run>][],
  one: Case,
  data: BenchDataset,
  { repeat, cold }: { repeat: number; cold: boolean },
): Promise<Result[]> {
  const runs = new Map<Result['name'], Run[]>(contestants.map(([name]) => [name, []]));
  for (let round = 1; round <= repeat; round += 1) {
    for (const [name, run] of contestants) {
      await removeOutputs(data);
      if (cold) await dropFromPageCache(data.inputs);
      const done = await run();
      runs.get(name)!.push(done);
      process.stderr.write(
        `${name} ${round}/${repeat}: ${done.seconds.toFixed(1)} s, ${formatBytes(done.peakBytes)}\n`,
      );
    }
  }
  await removeOutputs(data);
  return [...runs].map(([name, all]) => ({
    ...{ name, ...one, runs: all },
    seconds: median(all.map(({ seconds }) => seconds)),
    peakBytes: median(all.map(({ peakBytes }) => peakBytes)),
    idleSeconds: name === 'scanpy' ? null : median(all.map((run) => run.idleSeconds!)),
  }));
}

/** Ratio: seconds by those of the peer in the same case. */
function table(results: readonly Result[]): string {
  const rows = results.map((result) => {
    const { shape, methods, seconds, idleSeconds } = result;
    const peer = results.find((other) => other.name === 'scanpy' && other.shape === shape && other.methods === methods);
    return [
      result.name,
      methods.join(' '),
      shape.format,
      formatCount(shape.cells),
      String(shape.chunks),
      seconds.toFixed(1),
      formatCount(shape.cells / seconds),
      peer ? (seconds / peer.seconds).toFixed(2) : '',
      formatBytes(result.peakBytes),
      idleSeconds === null ? '' : `${((100 * idleSeconds) / seconds).toFixed(1)} %`,
    ];
  });
  return numbersTable(
    ['', 'methods', 'format', 'cells', 'chunks', 'seconds', 'cells/s', 'ratio', 'peak memory', 'idle'],
    rows,
  );
}
