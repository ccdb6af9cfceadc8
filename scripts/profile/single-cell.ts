import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { TaskInput, TaskName } from '../../core/tasks/definitions.js';
import { type RunInline, runInline } from '../../core/tasks/run-inline.js';
import { runInProcess } from '../../test/run-in-process.js';
import { type BenchDataset, benchDataset, FORMATS, type Format, removeOutputs } from '../bench/dataset.js';
import { peerPython } from '../bench/peer.js';
import { numbersTable, printReport, REPORT_HELP, REPORT_OPTIONS } from '../bench/report.js';
import { formatBytes } from '../terminal/format.js';
import { FunctionClock, type HotFunction } from './hot-functions.js';
import { type MachineLimits, measureLimits } from './machine-limits.js';
import { type Stage, StageClock } from './stage-clock.js';

const HELP = `Usage: npm run profile -- single-cell [options]

Runs the main job on the simulated data set of the benchmark, in one thread, one task after the other and without a
server, and prints for each stage: seconds, bytes read and written, MB/s, and how near it comes to what this machine
can do: the share of its time that the same bytes take when they are only read from the page cache and written to disk.

  --format NAME    of ${FORMATS.join(', ')}; default zarr-v2 (others need OBSMITH_BENCH_PYTHON, once)
  --cells N        cells, default 50000
  --genes N        genes, default 20000
  --chunks N       chunk files, default 4
  --methods LIST   default hvg,pca,gs
  --functions N    the N functions that took longest as well, by V8's sampling profiler (which slows the run a little)
  --dir FOLDER     data, default obsmith-bench in the folder for temporary files
${REPORT_HELP}`;

const OPTIONS = {
  cells: { type: 'string', default: '50000' },
  genes: { type: 'string', default: '20000' },
  chunks: { type: 'string', default: '4' },
  methods: { type: 'string', default: 'hvg,pca,gs' },
  format: { type: 'string', default: 'zarr-v2' },
  functions: { type: 'string' },
  dir: { type: 'string', default: join(tmpdir(), 'obsmith-bench') },
  ...REPORT_OPTIONS,
} as const;

const SEED = 1;

/** The suite `single-cell`. */
export async function profileSingleCell(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: OPTIONS });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const methods = values.methods.split(',');
  const shape = {
    ...{ cells: Number(values.cells), genes: Number(values.genes), chunks: Number(values.chunks), seed: SEED },
    format: values.format as Format,
  };
  const data = await benchDataset(values.dir, shape, methods, await peerPython(values.dir, false));
  const limits = await measureLimits(data.inputs, data.base);
  const { stages, functions } = await profileRun(data, values.functions ? Number(values.functions) : 0);
  const report = { suite: 'single-cell', ...shape, methods, node: process.version, limits, stages, functions };
  await printReport(report, describe(limits, stages, functions), values);
}

async function profileRun(
  data: BenchDataset,
  functionCount: number,
): Promise<{ stages: Stage[]; functions: HotFunction[] }> {
  const stages = new StageClock();
  const functions = functionCount > 0 ? new FunctionClock() : null;
  await functions?.start();
  const timed: RunInline = (name, input, context) => {
    const stage = stageOf(name, input);
    const task = () => stages.time(stage, () => runInline(name, input, context));
    return functions ? functions.time(stage, task) : task();
  };
  await removeOutputs(data);
  const outcome = await runInProcess({ config: data.config }, data.base, timed);
  await removeOutputs(data);
  functions?.stop();
  if (outcome.status !== 'completed')
    throw new Error(`the run ended as ${outcome.status}: ${outcome.failures[0]?.message}`);
  return { stages: stages.stages, functions: functions?.hottest(functionCount) ?? [] };
}

/** The task with what tells its kinds apart, e.g. "accumulateRound gram" or "embedChunk pca". */
function stageOf(name: TaskName, input: TaskInput<TaskName>): string {
  if ('round' in input) return `${name} ${input.round}`;
  return 'method' in input ? `${name} ${input.method}` : name;
}

function describe(limits: MachineLimits, stages: readonly Stage[], functions: readonly HotFunction[]): string {
  const { cachedRead, memoryCopy, diskWrite } = limits;
  const machine = `This machine, one thread: ${formatBytes(cachedRead)}/s from the page cache, ${formatBytes(memoryCopy)}/s copying memory, ${formatBytes(diskWrite)}/s to disk.`;
  const parts = [machine, stagesTable(limits, stages)];
  if (functions.length > 0) parts.push(functionsTable(functions));
  return parts.join('\n\n');
}

function stagesTable(limits: MachineLimits, stages: readonly Stage[]): string {
  const total = stages.reduce(
    (sum, stage) => ({
      ...{ stage: 'all', tasks: sum.tasks + stage.tasks, seconds: sum.seconds + stage.seconds },
      cpuSeconds: sum.cpuSeconds + stage.cpuSeconds,
      bytesRead: sum.bytesRead + stage.bytesRead,
      bytesWritten: sum.bytesWritten + stage.bytesWritten,
    }),
    { stage: 'all', tasks: 0, seconds: 0, cpuSeconds: 0, bytesRead: 0, bytesWritten: 0 },
  );
  const row = ({ stage, tasks, seconds, cpuSeconds, bytesRead, bytesWritten }: Stage): string[] => {
    const atLimit = bytesRead / limits.cachedRead + bytesWritten / limits.diskWrite;
    return [
      stage,
      String(tasks),
      seconds.toFixed(2),
      cpuSeconds.toFixed(2),
      formatBytes(bytesRead),
      formatBytes(bytesWritten),
      `${Math.round((bytesRead + bytesWritten) / seconds / 1e6)}`,
      `${Math.round((100 * atLimit) / seconds)} %`,
    ];
  };
  const titles = ['stage', 'tasks', 'seconds', 'CPU seconds', 'read', 'written', 'MB/s', 'of the limit'];
  return numbersTable(titles, [...stages, total].map(row));
}

function functionsTable(functions: readonly HotFunction[]): string {
  return numbersTable(
    ['function', 'stage', 'seconds'],
    functions.map(({ name, stage, seconds }) => [name, stage, seconds.toFixed(2)]),
  );
}
