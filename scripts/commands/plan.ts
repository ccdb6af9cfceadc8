import type { Command } from 'commander';
import { asRefusal } from '../../core/errors.js';
import type { PlanPreview, PlanRow } from '../../core/plan/preview.js';
import type { Cli } from '../terminal/cli.js';
import { formatBytes, formatCount, formatCounted, formatDuration } from '../terminal/format.js';
import { formatProblem } from '../terminal/problems.js';
import { addRequestOptions, type RequestOptions, requestOf } from '../terminal/run-request.js';
import { formatFacts, formatTable } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';

/** More rows than this are shown summed up; `--json` always has all. */
const MOST_ROWS = 40;

export function register(program: Command, cli: Cli): void {
  const command = program
    .command('plan')
    .argument('<conf>', 'configuration file (YAML)')
    .summary('dry run: what a run would do, and why; changes nothing')
    .description(
      'Dry run: chunks x methods, what would be skipped and why, bytes, memory, a rough time. Reads metadata only, changes nothing.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  obsmith plan conf/dataset_pbmc.yaml\n  obsmith plan conf/dataset_pbmc.yaml --methods hvg,pca --chunk train/chunk_0 --json',
    );
  addRequestOptions(command).action(
    cli.action(async (conf: string, options: RequestOptions) => {
      const { previewPlan } = await import('../../core/plan/preview.js');
      const preview = await previewPlan(requestOf(conf, options), { cwd: cli.cwd, env: cli.env }).catch((error) => {
        throw asRefusal(error);
      });
      return { document: preview, print: (terminal) => printPreview(terminal, preview) };
    }),
  );
}

function formatMemory({ memoryBytes: { cpu, gpu } }: PlanPreview): string {
  const workers = [
    ...(cpu > 0 ? [`about ${formatBytes(cpu)} a worker`] : []),
    ...(gpu > 0 ? [`about ${formatBytes(gpu)} a GPU worker`] : []),
  ];
  return workers.join(', ') || 'nothing to compute';
}

function printPreview(terminal: Terminal, preview: PlanPreview): void {
  const { bytes } = preview;
  const { colours } = terminal;
  const needed = bytes.output + bytes.staging;
  const space = `${formatBytes(bytes.output)} of outputs, ${formatBytes(bytes.staging)} while running, ${formatBytes(bytes.free)} free`;
  terminal.print(
    formatFacts(terminal, [
      ['data set', colours.bold(preview.dataset)],
      ['base', preview.base],
      ['chunks', `${formatCount(preview.chunks)} with ${formatCounted(preview.cells, 'cell')}`],
      ['disk', needed > bytes.free ? colours.red(space) : space],
      ['memory', formatMemory(preview)],
      ['time', formatTime(preview.duration)],
    ]),
  );
  const prepares = preview.methods.some(({ prepare }) => prepare > 0);
  terminal.print();
  terminal.print(
    formatTable(
      terminal,
      [
        { title: 'method' },
        { title: 'queue' },
        { title: 'dim', align: 'right' },
        ...(prepares ? [{ title: 'prepare', align: 'right' as const }] : []),
        { title: 'compute', align: 'right' },
        { title: 'skip', align: 'right' },
        { title: 'refused', align: 'right' },
      ],
      preview.methods.map(({ method, queue, dim, prepare, compute, skip, refused }) => [
        method,
        queue,
        formatCount(dim),
        ...(prepares ? [formatCount(prepare)] : []),
        formatCount(compute),
        formatCount(skip),
        refused > 0 ? colours.red(formatCount(refused)) : '0',
      ]),
    ),
  );
  terminal.print();
  terminal.print(rowTable(terminal, preview.rows));
  for (const problem of preview.problems) terminal.print(`\n${formatProblem(problem, colours)}`);
  for (const note of preview.notes) terminal.print(`\n${colours.yellow('note')} ${note}`);
}

/** Never more than a rough idea, so it says so. */
function formatTime({ seconds, cores, notCounted }: PlanPreview['duration']): string {
  const others = notCounted.length > 0 ? `, without ${notCounted.join(', ')} on GPU workers` : '';
  if (seconds === 0)
    return notCounted.length > 0 ? `only ${notCounted.join(', ')} on GPU workers` : 'nothing to compute';
  return `roughly ${formatDuration(Math.max(1, Math.round(seconds)))} on ${formatCounted(cores, 'core')} (estimate from measured rates${others})`;
}

/** Methods of a chunk of which the same is said stand together; of many chunks, they are counted. */
function rowTable(terminal: Terminal, rows: readonly PlanRow[]): string {
  const action = (name: PlanRow['action']) => {
    if (name === 'skip') return terminal.colours.dim(name);
    return name === 'refused' ? terminal.colours.red(name) : terminal.colours.green(name);
  };
  const lines = grouped(rows, ({ chunk, action, reason }) => [chunk, action, reason]).map((group) => {
    const methods = group.map(({ method }) => method).join(', ');
    return { ...group[0]!, methods };
  });
  if (lines.length <= MOST_ROWS) {
    const columns = [{ title: 'chunk' }, { title: 'methods' }, { title: 'action' }, { title: 'reason' }];
    return formatTable(
      terminal,
      columns,
      lines.map((line) => [line.chunk, line.methods, action(line.action), line.reason]),
    );
  }
  return formatTable(
    terminal,
    [
      { title: 'chunks', align: 'right' },
      { title: 'methods' },
      { title: 'action' },
      { title: 'reason' },
      { title: 'first' },
    ],
    grouped(lines, ({ methods, action, reason }) => [methods, action, reason]).map((group) => {
      const first = group[0]!;
      return [formatCount(group.length), first.methods, action(first.action), first.reason, first.chunk];
    }),
  );
}

/** Items of equal keys together, in the order of the first of each. */
function grouped<Item>(items: readonly Item[], keyOf: (item: Item) => readonly string[]): Item[][] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = JSON.stringify(keyOf(item));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}
